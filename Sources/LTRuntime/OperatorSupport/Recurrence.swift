// Recurrence: what RNN, GRU and LSTM share: attributes, shapes, gate functions, and the walk over directions, sequences
// and steps; an operator states its gates and one step. Everything between the inputs and the outputs is in double.

import LTCore
import LTGraph

/// A function of a gate, by ONNX's name (in any case).
struct GateFunction: Sendable {
    enum Name: String, Sendable {
        case affine, elu, hardsigmoid, leakyrelu, relu, scaledtanh, sigmoid, softplus, softsign, tanh, thresholdedrelu
    }

    let name: Name
    let alpha: Double
    let beta: Double

    init(_ name: Name) { self.init(name, nil, nil) }

    private init(_ name: Name, _ alpha: Double?, _ beta: Double?) {
        self.name = name
        let (a, b) = Self.defaults(name)
        self.alpha = alpha ?? a ?? 0
        self.beta = beta ?? b ?? 0
    }

    /// The defaults of the parameters that the function has.
    private static func defaults(_ name: Name) -> (alpha: Double?, beta: Double?) {
        switch name {
        case .affine: (1, 0)
        case .scaledtanh: (1, 1)
        case .hardsigmoid: (0.2, 0.5)
        case .leakyrelu: (0.01, nil)
        case .elu, .thresholdedrelu: (1, nil)
        case .relu, .sigmoid, .softplus, .softsign, .tanh: (nil, nil)
        }
    }

    func callAsFunction(_ x: Double) -> Double {
        switch name {
        case .affine: alpha * x + beta
        case .elu: x >= 0 ? x : alpha * (x.exponential - 1)
        case .hardsigmoid: min(max(alpha * x + beta, 0), 1)
        case .leakyrelu: x >= 0 ? x : alpha * x
        case .relu: max(0, x)
        case .scaledtanh: alpha * (beta * x).hyperbolicTangent
        case .sigmoid: x.logistic
        case .softplus: x.softplus
        case .softsign: x / (1 + x.magnitude)
        case .tanh: x.hyperbolicTangent
        case .thresholdedrelu: x >= alpha ? x : 0
        }
    }

    /// The attribute `activations`; each function takes of activation_alpha and activation_beta what it has, in order.
    static func read(_ node: Node) throws(LTError) -> [GateFunction]? {
        guard let names = try node.strings("activations") else { return nil }
        var alphas = try node.floats("activation_alpha")?[...] ?? []
        var betas = try node.floats("activation_beta")?[...] ?? []
        return try names.map { (text) throws(LTError) in
            guard let name = Name(rawValue: text.lowercased()) else {
                throw LTError(.unsupported, "activation '\(text.prefix(64))', expected a function such as Tanh")
            }
            let (a, b) = defaults(name)
            let alpha = a == nil ? nil : alphas.popFirst().map { Double($0) }
            let beta = b == nil ? nil : betas.popFirst().map { Double($0) }
            return GateFunction(name, alpha, beta)
        }
    }
}

/// The attributes of a recurrent operator.
struct RecurrentSettings: Sendable {
    enum Direction: String, Sendable {
        case forward, reverse, bidirectional
    }

    let direction: Direction
    let hiddenSize: Int?
    /// layout = 1: the batch comes first.
    let isBatchFirst: Bool
    let clip: Double?
    /// Per direction.
    let functions: [[GateFunction]]

    var directions: Int { direction == .bidirectional ? 2 : 1 }

    init(_ node: OperatorNode, defaults: [GateFunction.Name]) throws(LTError) {
        let way = try node.node.string("direction") ?? "forward"
        guard let direction = Direction(rawValue: way) else {
            throw LTError(
                .invalidArgument,
                "attribute 'direction' is '\(way.prefix(64))', expected forward, reverse or bidirectional")
        }
        self.direction = direction
        hiddenSize = try node.node.int("hidden_size")
        isBatchFirst = node.opset >= 14 ? try node.node.int("layout") ?? 0 != 0 : false
        clip = try node.node.float("clip").map { Double($0) }
        guard clip.map({ $0 >= 0 }) ?? true else {
            throw LTError(.invalidArgument, "attribute 'clip' is \(clip ?? 0), expected at least 0")
        }
        let count = defaults.count
        let ways = direction == .bidirectional ? 2 : 1
        let given = try GateFunction.read(node.node) ?? (defaults + defaults).map { GateFunction($0) }
        // The schema's default list is one for two directions, so a single direction may come with it.
        guard given.count == count * ways || given.count == count * 2 else {
            throw LTError(.invalidArgument, "\(given.count) activations, expected \(count * ways)")
        }
        functions = (0..<ways).map { Array(given[$0 * count..<($0 + 1) * count]) }
    }

    /// An element before its activation.
    func clipped(_ x: Double) -> Double { clip.map { min(max(x, -$0), $0) } ?? x }
}

/// The weights of one direction: rows of W, R and the biases are gate after gate, `hidden` rows each.
struct RecurrentCell<T: Real> {
    let hidden: Int
    let functions: [GateFunction]
    fileprivate let width: Int
    fileprivate let w: UnsafeMutablePointer<T>?
    fileprivate let r: UnsafeMutablePointer<T>?
    fileprivate let bias: UnsafeMutablePointer<T>?
    fileprivate let peepholes: UnsafeMutablePointer<T>?
    fileprivate let gates: Int

    /// W x + Wb of all gates.
    func inputs(_ x: UnsafeMutablePointer<T>?) -> [Double] {
        (0..<gates * hidden).map { row in
            var sum = inputBias(row)
            guard let w, let x else { return sum }
            for column in 0..<width { sum += Double(w[row * width + column]) * Double(x[column]) }
            return sum
        }
    }

    /// R h + Rb of some gates.
    func states(_ h: [Double], gates: Range<Int>) -> [Double] {
        (gates.lowerBound * hidden..<gates.upperBound * hidden).map { row in
            var sum = stateBias(row)
            guard let r else { return sum }
            for column in 0..<hidden { sum += Double(r[row * hidden + column]) * h[column] }
            return sum
        }
    }

    /// Weight of the peephole from the cell to a gate.
    func peephole(_ gate: Int, _ index: Int) -> Double { peepholes.map { Double($0[gate * hidden + index]) } ?? 0 }

    private func inputBias(_ row: Int) -> Double { bias.map { Double($0[row]) } ?? 0 }
    private func stateBias(_ row: Int) -> Double { bias.map { Double($0[gates * hidden + row]) } ?? 0 }
}

/// What a recurrent operator carries from step to step.
struct RecurrentState {
    var h: [Double]
    /// Only LSTM's.
    var c: [Double]
}

/// RNN, GRU and LSTM.
protocol RecurrentOperator: RealOperator {
    static var gates: Int { get }
    /// Whether there is a cell state: initial_c, peepholes P and the output Y_c.
    static var hasCell: Bool { get }
    var settings: RecurrentSettings { get }
    func step<T: Real>(_ cell: RecurrentCell<T>, _ x: UnsafeMutablePointer<T>?, _ state: inout RecurrentState)
}

extension RecurrentOperator {
    static var hasCell: Bool { false }

    /// X [T, N, I], W [D, G·H, I], R [D, G·H, H], B [D, 2·G·H], sequence_lens [N], initial_h and initial_c [D, N, H],
    /// P [D, 3·H] → Y [T, D, N, H], Y_h and Y_c [D, N, H]; layout 1: X [N, T, I], states [N, D, H], Y [N, T, D, H].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let (w, r) = (try inputs.required(1, [x.type]), try inputs.required(2, [x.type]))
        let ways = settings.directions
        var hidden = settings.hiddenSize
        if let rows = try r.dims("R", ranks: 3...3) { hidden = hidden ?? rows[2] }
        if let hidden, hidden < 0 || hidden > OperatorLimits.extent {
            throw LTError(.invalidArgument, "hidden size \(hidden), expected 0 to \(OperatorLimits.extent)")
        }
        let dims = try x.dims("X", ranks: 3...3) ?? [nil, nil, nil]
        let (steps, batch) = settings.isBatchFirst ? (dims[1], dims[0]) : (dims[0], dims[1])
        let states = settings.isBatchFirst ? [batch, ways, hidden] : [ways, batch, hidden]
        let rows = hidden.map { $0 * Self.gates }
        try w.check("W", [ways, rows, dims[2]])
        try r.check("R", [ways, rows, hidden])
        try inputs.like(3)?.check("B", [ways, rows.map { $0 * 2 }])
        try inputs.optional(4, [.int32])?.check("sequence_lens", [batch])
        try inputs.like(5)?.check("initial_h", states)
        if Self.hasCell {
            try inputs.like(6)?.check("initial_c", states)
            try inputs.like(7)?.check("P", [ways, hidden.map { $0 * 3 }])
        }
        let y = settings.isBatchFirst ? [batch, steps, ways, hidden] : [steps, ways, batch, hidden]
        return [Facts(x.type, y)] + [Facts](repeating: Facts(x.type, states), count: Self.hasCell ? 2 : 1)
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        func input(_ index: Int) -> Tensor? { index < inputs.count ? inputs[index] : nil }
        func start(_ index: Int) -> UnsafeMutablePointer<T>? { input(index)?.elements(T.self).baseAddress }
        for output in outputs { output.elements(T.self).update(repeating: 0) }
        let (x, ways) = (inputs[0]!, settings.directions)
        let (steps, batch) = settings.isBatchFirst ? (x.dims[1], x.dims[0]) : (x.dims[0], x.dims[1])
        let (hidden, width) = (inputs[2]!.dims[2], x.dims[2])
        let lengths = try input(4)?.integers("sequence_lens") ?? [Int](repeating: steps, count: batch)
        guard lengths.allSatisfy({ (0...steps).contains($0) }) else {
            throw LTError(.invalidArgument, "sequence_lens \(lengths.prefix(8)), expected 0 to \(steps)")
        }
        guard outputs[0].count > 0 else { return }
        let rows = Self.gates * hidden
        let y = outputs[0].elements(T.self)
        for way in 0..<ways {
            let cell = RecurrentCell<T>(
                hidden: hidden, functions: settings.functions[way], width: width,
                w: start(1).map { $0 + way * rows * width }, r: start(2).map { $0 + way * rows * hidden },
                bias: start(3).map { $0 + way * rows * 2 },
                peepholes: Self.hasCell ? start(7).map { $0 + way * hidden * 3 } : nil, gates: Self.gates)
            let isReverse = settings.direction == .reverse || way == 1
            for entry in 0..<batch {
                let place = (settings.isBatchFirst ? entry * ways + way : way * batch + entry) * hidden
                func initial(_ index: Int) -> [Double] {
                    let from = start(index)
                    return (0..<hidden).map { index in from.map { Double($0[place + index]) } ?? 0 }
                }
                var state = RecurrentState(h: initial(5), c: Self.hasCell ? initial(6) : [])
                for number in 0..<lengths[entry] {
                    let time = isReverse ? lengths[entry] - 1 - number : number
                    let row = settings.isBatchFirst ? entry * steps + time : time * batch + entry
                    step(cell, start(0).map { $0 + row * width }, &state)
                    let target = settings.isBatchFirst ? row * ways + way : (time * ways + way) * batch + entry
                    for index in 0..<hidden { y[target * hidden + index] = T(state.h[index]) }
                }
                // An empty sequence has no last state: its outputs stay 0.
                guard lengths[entry] > 0 else { continue }
                for (output, last) in zip(outputs.dropFirst(), [state.h, state.c]) {
                    let target = output.elements(T.self)
                    for index in 0..<hidden { target[place + index] = T(last[index]) }
                }
            }
        }
    }
}
