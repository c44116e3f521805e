// Pass: one rewrite of a Graph that keeps its meaning. One file holds one pass; Passes.swift lists the order.

import LTCore
import LTGraph

/// One rewrite of a graph: same inputs, same outputs, same values within rounding.
protocol Pass: Sendable {
    func apply(_ graph: Graph) throws(LTError) -> Graph
}
