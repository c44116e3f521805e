// TreeEnsembles: decision trees from the attributes of TreeEnsembleClassifier, TreeEnsembleRegressor and TreeEnsemble.
// Features and thresholds are compared in double precision, which holds every float; votes add up in it too.

import LTCore
import LTGraph

struct TreeEnsembleModel: Sendable {
    enum Mode: String, Sendable, CaseIterable {
        case leq = "BRANCH_LEQ"
        case lt = "BRANCH_LT"
        case gte = "BRANCH_GTE"
        case gt = "BRANCH_GT"
        case eq = "BRANCH_EQ"
        case neq = "BRANCH_NEQ"
        case member = "BRANCH_MEMBER"
    }

    enum Child: Sendable {
        case node(Int)
        /// Which votes it casts.
        case leaf(Range<Int>)
    }

    struct Branch: Sendable {
        var mode: Mode
        var feature: Int
        var threshold: Double
        var members: Set<Double> = []
        var sendsMissingToYes: Bool
        var yes: Child
        var no: Child

        func holds(_ value: Double) -> Bool {
            switch mode {
            case .leq: value <= threshold
            case .lt: value < threshold
            case .gte: value >= threshold
            case .gt: value > threshold
            case .eq: value == threshold
            case .neq: value != threshold
            case .member: members.contains(value)
            }
        }
    }

    enum Aggregate: Int, Sendable {
        case average, sum, min, max
    }

    struct Vote: Sendable {
        let target: Int
        let weight: Double
    }

    private(set) var branches: [Branch] = []
    private(set) var votes: [Vote] = []
    private(set) var roots: [Child] = []
    /// The number of features that the branches look at.
    private(set) var features = 0

    /// What a row's votes make of each target; nil where none was cast.
    func callAsFunction(
        _ row: ArraySlice<Double>, targets: Int, _ aggregate: Aggregate
    ) throws(LTError) -> [Double?] {
        var scores = [Double?](repeating: nil, count: targets)
        for root in roots {
            for vote in votes[try leaf(row, root)] {
                let score = scores[vote.target]
                switch aggregate {
                case .sum, .average: scores[vote.target] = (score ?? 0) + vote.weight
                case .min: scores[vote.target] = min(score ?? .infinity, vote.weight)
                case .max: scores[vote.target] = max(score ?? -.infinity, vote.weight)
                }
            }
        }
        if aggregate == .average { scores = scores.map { $0.map { $0 / Double(roots.count) } } }
        return scores
    }

    private func leaf(_ row: ArraySlice<Double>, _ root: Child) throws(LTError) -> Range<Int> {
        var place = root
        // A path without a cycle passes each branch once.
        for _ in 0...branches.count {
            switch place {
            case .leaf(let votes): return votes
            case .node(let index):
                let branch = branches[index]
                let value = row[row.startIndex + branch.feature]
                let isYes = branch.holds(value) || branch.sendsMissingToYes && value.isNaN
                place = isYes ? branch.yes : branch.no
            }
        }
        throw LTError(.malformed, "the branches of a tree form a cycle")
    }

    /// Checks the shape of X, and returns how many rows it has.
    func rows(_ x: Facts) throws(LTError) -> Int? {
        let (rows, count) = try FeatureRows.dims(x)
        if let count, count < features {
            throw LTError(.shapeMismatch, "X has \(count) features, the trees look at \(features)")
        }
        return rows
    }

    private static func same(_ counts: [(String, Int)]) throws(LTError) -> Int {
        let count = counts.first?.1 ?? 0
        for (name, other) in counts where other != count {
            throw LTError(
                .malformed, "attribute '\(name)' has \(other) values, expected \(count) as '\(counts[0].0)'")
        }
        return count
    }

    private static func required(_ node: Node, _ name: String) throws(LTError) -> [Int] {
        guard let values = try node.ints(name) else { throw LTError(.malformed, "attribute '\(name)' is missing") }
        return values
    }

    /// Floats of an attribute, or doubles of the one that ends in `_as_tensor`.
    static func numbers(_ node: Node, _ name: String) throws(LTError) -> [Double]? {
        if let values = try node.floats(name), !values.isEmpty { return values.map { Double($0) } }
        return try node.tensor("\(name)_as_tensor")?.cast(to: .float64).array(of: Double.self)
    }

    private func checkTargets(_ targets: Int) throws(LTError) {
        for vote in votes where vote.target < 0 || vote.target >= targets {
            throw LTError(.malformed, "a leaf votes for \(vote.target), expected 0 to \(targets - 1)")
        }
    }

    private mutating func add(_ branch: Branch) throws(LTError) {
        guard branch.feature >= 0, branch.feature < OperatorLimits.extent else {
            throw LTError(.malformed, "a branch looks at feature \(branch.feature), expected at least 0")
        }
        features = max(features, branch.feature + 1)
        branches.append(branch)
    }

    // MARK: The classifier's and the regressor's attributes

    private struct Key: Hashable {
        let tree: Int
        let node: Int
    }

    /// Reads `nodes_*` and the votes' attributes, which begin with `prefix`.
    init(_ node: Node, votes prefix: String, targets: Int) throws(LTError) {
        let (trees, ids) = (
            try Self.required(node, "nodes_treeids"), try Self.required(node, "nodes_nodeids")
        )
        let modes = try node.strings("nodes_modes") ?? []
        let (yes, no) = (
            try Self.required(node, "nodes_truenodeids"), try Self.required(node, "nodes_falsenodeids")
        )
        let features = try Self.required(node, "nodes_featureids")
        let thresholds = try Self.numbers(node, "nodes_values") ?? []
        let missing = try node.ints("nodes_missing_value_tracks_true") ?? []
        let count = try Self.same([
            ("nodes_treeids", trees.count), ("nodes_nodeids", ids.count), ("nodes_modes", modes.count),
            ("nodes_truenodeids", yes.count), ("nodes_falsenodeids", no.count), ("nodes_featureids", features.count),
            ("nodes_values", thresholds.count),
        ])
        guard missing.isEmpty || missing.count == count else {
            throw LTError(
                .malformed, "attribute 'nodes_missing_value_tracks_true' has \(missing.count) values, expected \(count)"
            )
        }
        let leaves = try readVotes(node, prefix)
        try checkTargets(targets)
        // Where each node is among the branches; leaves are none.
        var places: [Key: Child] = [:]
        var branchCount = 0
        for index in 0..<count {
            let key = Key(tree: trees[index], node: ids[index])
            guard places[key] == nil else {
                throw LTError(.malformed, "node \(key.node) of tree \(key.tree) is there twice")
            }
            if modes[index] == "LEAF" {
                places[key] = .leaf(leaves[key] ?? 0..<0)
            } else {
                places[key] = .node(branchCount)
                branchCount += 1
            }
        }
        var seen: Set<Int> = []
        for index in 0..<count {
            let key = Key(tree: trees[index], node: ids[index])
            if seen.insert(key.tree).inserted, let root = places[key] { roots.append(root) }
            guard modes[index] != "LEAF" else { continue }
            guard let mode = Mode(rawValue: modes[index]), mode != .member else {
                throw LTError(.malformed, "attribute 'nodes_modes' has '\(modes[index])', expected BRANCH_… or LEAF")
            }
            func child(_ id: Int) throws(LTError) -> Child {
                guard let place = places[Key(tree: key.tree, node: id)] else {
                    throw LTError(.malformed, "node \(key.node) of tree \(key.tree) leads to \(id), which is not there")
                }
                return place
            }
            try add(
                Branch(
                    mode: mode, feature: features[index], threshold: thresholds[index],
                    sendsMissingToYes: !missing.isEmpty && missing[index] != 0, yes: try child(yes[index]),
                    no: try child(no[index])))
        }
    }

    /// Reads the votes, sorts them by leaf, and returns each leaf's.
    private mutating func readVotes(_ node: Node, _ prefix: String) throws(LTError) -> [Key: Range<Int>] {
        let (trees, ids) = (
            try Self.required(node, "\(prefix)_treeids"), try Self.required(node, "\(prefix)_nodeids")
        )
        let targets = try Self.required(node, "\(prefix)_ids")
        let weights = try Self.numbers(node, "\(prefix)_weights") ?? []
        let count = try Self.same([
            ("\(prefix)_treeids", trees.count), ("\(prefix)_nodeids", ids.count), ("\(prefix)_ids", targets.count),
            ("\(prefix)_weights", weights.count),
        ])
        let groups = Dictionary(grouping: 0..<count) { Key(tree: trees[$0], node: ids[$0]) }
        var leaves: [Key: Range<Int>] = [:]
        for (key, members) in groups {
            leaves[key] = votes.count..<votes.count + members.count
            votes += members.map { Vote(target: targets[$0], weight: weights[$0]) }
        }
        return leaves
    }

    // MARK: TreeEnsemble's attributes

    /// Reads the attributes of TreeEnsemble (opset 5).
    init(_ node: Node, targets: Int) throws(LTError) {
        func numbers(_ name: String) throws(LTError) -> [Double]? {
            try node.tensor(name)?.cast(to: .float64).array(of: Double.self)
        }
        let names = [
            "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs", "nodes_falseleafs",
        ]
        var lists: [[Int]] = []
        for name in names { lists.append(try Self.required(node, name)) }
        let modes = try numbers("nodes_modes") ?? []
        let splits = try numbers("nodes_splits") ?? []
        let missing = try node.ints("nodes_missing_value_tracks_true") ?? []
        let count = try Self.same(
            zip(names, lists.map(\.count)) + [("nodes_modes", modes.count), ("nodes_splits", splits.count)]
                + (missing.isEmpty ? [] : [("nodes_missing_value_tracks_true", missing.count)]))
        let (leafTargets, weights) = (try Self.required(node, "leaf_targetids"), try numbers("leaf_weights") ?? [])
        _ = try Self.same([("leaf_targetids", leafTargets.count), ("leaf_weights", weights.count)])
        votes = zip(leafTargets, weights).map { Vote(target: $0, weight: $1) }
        try checkTargets(targets)
        let (leaves, kinds) = (votes.count, Mode.allCases)
        func child(_ index: Int, _ isLeaf: Bool) throws(LTError) -> Child {
            guard index >= 0, index < (isLeaf ? leaves : count) else {
                let what = isLeaf ? "leaf" : "node"
                throw LTError(.malformed, "a branch leads to \(what) \(index) of \(isLeaf ? leaves : count)")
            }
            return isLeaf ? .leaf(index..<index + 1) : .node(index)
        }
        // The sets of members follow each other in the order of their branches, each ended by a NaN.
        var sets = (try numbers("membership_values") ?? []).split(
            omittingEmptySubsequences: false, whereSeparator: \.isNaN
        ).makeIterator()
        for index in 0..<count {
            guard modes[index] >= 0, modes[index] < Double(kinds.count) else {
                throw LTError(
                    .malformed, "attribute 'nodes_modes' has \(modes[index]), expected 0 to \(kinds.count - 1)")
            }
            var branch = Branch(
                mode: kinds[Int(modes[index])], feature: lists[0][index], threshold: splits[index],
                sendsMissingToYes: !missing.isEmpty && missing[index] != 0,
                yes: try child(lists[1][index], lists[3][index] != 0),
                no: try child(lists[2][index], lists[4][index] != 0))
            if branch.mode == .member {
                guard let members = sets.next() else {
                    throw LTError(.malformed, "attribute 'membership_values' has fewer sets than there are branches")
                }
                branch.members = Set(members)
            }
            try add(branch)
        }
        for root in try Self.required(node, "tree_roots") { roots.append(try child(root, false)) }
    }
}
