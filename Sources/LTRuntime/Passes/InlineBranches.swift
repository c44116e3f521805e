// Replaces an If whose condition is known by the nodes of the branch that it takes.

import LTCore
import LTGraph

struct InlineBranches: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph { graph.inliningBranches() }
}
