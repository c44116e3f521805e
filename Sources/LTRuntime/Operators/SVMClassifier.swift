// SVMClassifier: with vectors_per_class, one decision per pair of classes from the kernels of SVMRegressor, the label of
// the class that wins most; prob_a and prob_b turn the decisions into probabilities (Wu, Lin and Weng 2004, as in LIBSVM).
// Without, one linear function per class. Two classes with one rho have one decision s, whose scores are -s and s
// (SOFTMAX: 1 − s and s).
// https://onnx.ai/onnx/operators/onnx_aionnxml_SVMClassifier.html

import LTCore

struct SVMClassifierOperator: Operator {
    static let schema = OperatorSchema(classical: "SVMClassifier", outputs: 2...2)

    let model: SupportVectors
    let labels: ClassLabels
    let transform: PostTransform
    /// Where the support vectors of each class begin, and where the last ones end; empty: linear functions.
    let starts: [Int]
    let probabilityA: [Double]
    let probabilityB: [Double]

    private var classes: Int { labels.count }
    private var pairs: Int { classes * (classes - 1) / 2 }
    private var hasProbabilities: Bool { !probabilityA.isEmpty && !starts.isEmpty }
    /// Scores per row.
    private var width: Int { hasProbabilities || starts.isEmpty ? classes : max(pairs, pairs == 1 ? 2 : 0) }

    init(_ node: OperatorNode) throws(LTError) {
        labels = try ClassLabels(node.node, integers: "classlabels_ints")
        let counts = try Window.extents(node.node, "vectors_per_class", from: 0) ?? []
        let total = try counts.map(Optional.some).sum() ?? 0
        // A pair of classes takes a decision each: keeps them few.
        guard labels.count <= 4096, counts.isEmpty || counts.count == labels.count, total <= OperatorLimits.extent
        else {
            throw LTError(.malformed, "vectors_per_class of \(counts.count) classes for \(labels.count) labels")
        }
        starts = total == 0 ? [] : counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        model = try SupportVectors(
            node.node, count: total, functions: total == 0 ? labels.count : max(labels.count - 1, 1))
        transform = try PostTransform(node.node)
        probabilityA = (try node.node.floats("prob_a") ?? []).map { Double($0) }
        probabilityB = (try node.node.floats("prob_b") ?? []).map { Double($0) }
        if starts.isEmpty { return }
        guard classes >= 2, model.rho.count >= pairs, probabilityA.isEmpty || probabilityA.count == pairs,
            probabilityA.count == probabilityB.count
        else {
            throw LTError(
                .malformed,
                "\(classes) classes, \(model.rho.count) rho, \(probabilityA.count) prob_a and \(probabilityB.count) prob_b, "
                    + "expected one per pair of classes")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let rows = try model.rows(try Self.first(inputs))
        return [Facts(labels.type, [rows]), Facts(.float32, [rows, width])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let x = try FeatureRows(inputs[0]!)
        var winners: [Int?] = []
        let scores = try Tensor.scores(x.rows, width) { row in
            if starts.isEmpty {
                let scores = (0..<classes).map { model.rho[0] + model(x[row], $0) }
                winners.append(scores.firstOfLargest)
                return transform(scores)
            }
            let (decisions, votes) = decide(x[row])
            winners.append(votes.firstOfLargest)
            if hasProbabilities { return transform(probabilities(decisions)) }
            return pairs == 1 ? transform.pair(decisions[0], isComplement: transform != .none) : transform(decisions)
        }
        return [try labels.tensor(winners), scores]
    }

    /// One decision per pair of classes, and how many each class wins.
    private func decide(_ row: ArraySlice<Double>) -> (decisions: [Double], votes: [Double]) {
        let kernels = (0..<model.count).map { model(row, $0) }
        var (decisions, votes): ([Double], [Double]) = ([], [Double](repeating: 0, count: classes))
        func sum(_ function: Int, _ own: Int) -> Double {
            (starts[own]..<starts[own + 1]).reduce(0) {
                $0 + model.coefficients[function * model.count + $1] * kernels[$1]
            }
        }
        for i in 0..<classes {
            for j in i + 1..<max(classes, i + 1) {
                let decision = model.rho[decisions.count] + sum(j - 1, i) + sum(i, j)
                decisions.append(decision)
                votes[decision > 0 ? i : j] += 1
            }
        }
        return (decisions, votes)
    }

    /// The probabilities whose ratios fit those of the pairs best.
    private func probabilities(_ decisions: [Double]) -> [Double] {
        var ratio = [[Double]](repeating: [Double](repeating: 0, count: classes), count: classes)
        var index = 0
        for i in 0..<classes {
            for j in i + 1..<max(classes, i + 1) {
                let value = 1 - (decisions[index] * probabilityA[index] + probabilityB[index]).logistic
                ratio[i][j] = min(max(value, 1e-7), 1 - 1e-7)
                ratio[j][i] = 1 - ratio[i][j]
                index += 1
            }
        }
        var q = ratio.map { $0.map { _ in 0.0 } }
        for t in 0..<classes {
            for j in 0..<classes where j != t {
                q[t][t] += ratio[j][t] * ratio[j][t]
                q[t][j] = -ratio[j][t] * ratio[t][j]
            }
        }
        var p = [Double](repeating: 1 / Double(classes), count: classes)
        for _ in 0..<max(100, classes) {
            var qp = q.map { zip($0, p).reduce(0) { $0 + $1.0 * $1.1 } }
            var pqp = zip(p, qp).reduce(0) { $0 + $1.0 * $1.1 }
            if qp.allSatisfy({ abs($0 - pqp) < 0.005 / Double(classes) }) { break }
            for t in 0..<classes {
                let step = (pqp - qp[t]) / q[t][t]
                p[t] += step
                pqp = (pqp + step * (step * q[t][t] + 2 * qp[t])) / (1 + step) / (1 + step)
                for j in 0..<classes {
                    qp[j] = (qp[j] + step * q[t][j]) / (1 + step)
                    p[j] /= 1 + step
                }
            }
        }
        return p
    }
}
