// Reading a file of scores and a file of labels: rows join by id where both have ids, else by position; labels find their
// columns by class name where names are known, else by position.

import LTCore
import LTData
import LTDecision

extension ClassificationInput {
    /// Reads scores and labels from files of any format (`TableFormat`: .npy, .csv, .tsv, .jsonl).
    /// - Parameters:
    ///   - scoresFile: raw scores [images, classes], unless the file says that they are calibrated.
    ///   - labelsFile: 0 and 1 per image and class, or lists of classes (multi-label), or one class per image (multi-class).
    ///   - layer: what is known of the scores; task and activation (sigmoid, softmax, none for calibrated ones) follow from
    ///     the files where it does not say.
    ///   - openSet: a label −1 is an image of no known class.
    ///   - skippingMissing: leaves out labelled images without scores instead of refusing.
    ///   - digests: whether the provenance has the files' digests.
    /// - Throws: `io`, `malformed` (with line and column), `shapeMismatch`, `typeMismatch`, `notFinite`, `notFound`,
    ///   `conflict` and `invalidArgument`, naming the file.
    public init(
        scoresFile: String, labelsFile: String, layer: DecisionLayer = DecisionLayer(), openSet: Bool = false,
        skippingMissing: Bool = false, digests wantsDigests: Bool = true
    ) throws(LTError) {
        // Digests and tables at the same time: both read whole files.
        nonisolated(unsafe) var digests: [Result<String, LTError>] = []
        nonisolated(unsafe) var readScores: Result<ScoreTable, LTError>?
        nonisolated(unsafe) var readLabels: Result<LabelTable, LTError>?
        _ = parallelMap(wantsDigests ? 3 : 2) { part in
            switch part {
            case 0:
                readScores = outcome { () throws(LTError) in
                    try within("scores \(scoresFile)") { () throws(LTError) in try ScoreTable.read(scoresFile) }
                }
            case 1:
                readLabels = outcome { () throws(LTError) in
                    try within("labels \(labelsFile)") { () throws(LTError) in try LabelTable.read(labelsFile) }
                }
            default:
                digests = [scoresFile, labelsFile].map { path in
                    outcome { () throws(LTError) in try SHA256.digest(ofFile: path) }
                }
            }
        }
        guard var scores = try readScores?.get(), let labels = try readLabels?.get() else {
            throw LTError(.io, "nothing was read")
        }
        provenance = []
        for (index, (name, file)) in [("scores", scoresFile), ("labels", labelsFile)].enumerated() {
            provenance.append(.init(name, .string(file)))
            guard wantsDigests else { continue }
            provenance.append(.init("\(name)_digest", .string("sha256:" + (try digests[index].get()))))
        }
        self.layer = layer
        let place = "scores \(scoresFile), labels \(labelsFile)"
        var notes: [String] = []
        let join = try within(place) { () throws(LTError) in
            try RowJoin(scores, labels, skippingMissing: skippingMissing, &notes)
        }
        skipped = join.skipped
        scores.keep(join.rows)
        images = scores.ids
        if scores.areProbabilities, layer.activation == nil {
            self.layer.activation = DecisionLayer.Activation.none
            notes.append("the scores are probabilities already: no activation is applied (--activation says otherwise)")
        }
        let columns = try within(place) { () throws(LTError) in
            try ColumnJoin(scores, labels, layer, wantsSingle: layer.task == .multiclass || layer.task == .clip)
        }
        if self.layer.labels == nil, let names = columns.names {
            self.layer.labels = names.enumerated().map { .init(id: $0.offset, name: $0.element) }
        }
        predictions = try within(place) { () throws(LTError) in
            try columns.predictions(&scores, labels, rows: join.labels, openSet: openSet)
        }
        self.notes = notes
        try complete()
    }

    /// Joins a file of scores, whose ids are paths of images, with a data set.
    /// - Throws: what `ScoreTable.read` and `init(joining:…)` throw; `invalidArgument` for scores without ids.
    public init(
        scoresFile: String, with dataset: Dataset, layer: DecisionLayer = DecisionLayer(), skippingMissing: Bool = false
    ) throws(LTError) {
        let table = try within("scores \(scoresFile)") { () throws(LTError) in
            let table = try ScoreTable.read(scoresFile)
            guard table.ids != nil else {
                throw LTError(
                    .invalidArgument, "the rows have no ids, which images of the data they are is unknown",
                    hint: "give the scores a column of image paths, or --labels in the order of the scores")
            }
            return table
        }
        var layer = layer
        if table.areProbabilities, layer.activation == nil { layer.activation = DecisionLayer.Activation.none }
        if layer.labels == nil, let names = table.names {
            // Names of the file, ids of the data, where all are found.
            let byName = Dictionary(
                dataset.categories.map { ($0.name, $0.id) }, uniquingKeysWith: { first, _ in first })
            let labels = names.compactMap { name in byName[name].map { DecisionLayer.Label(id: $0, name: name) } }
            guard labels.count == names.count else {
                let unknown = names.first { byName[$0] == nil } ?? ""
                throw LTError(
                    .conflict, "class '\(unknown)' is not in the data", context: ["scores \(scoresFile)"])
            }
            layer.labels = labels
        }
        let width = table.classCount
        var rows = (table.ids ?? []).enumerated().map { row, id in
            Matching.Prediction(path: id, scores: .success(Array(table.scores[row * width..<(row + 1) * width])))
        }
        rows += table.failed.map { Matching.Prediction(path: $0.id, scores: .failure(LTError(.io, $0.reason))) }
        try self.init(joining: rows, columns: width, with: dataset, layer: layer, skippingMissing: skippingMissing)
        provenance += [
            .init("scores", .string(scoresFile)),
            .init("scores_digest", .string("sha256:" + (try SHA256.digest(ofFile: scoresFile)))),
        ]
    }
}

private func outcome<Value>(_ body: () throws(LTError) -> Value) -> Result<Value, LTError> {
    do throws(LTError) { return .success(try body()) } catch { return .failure(error) }
}

extension ScoreTable {
    /// Keeps some rows, ascending.
    fileprivate mutating func keep(_ rows: [Int]) {
        guard rows.count < rowCount else { return }
        for (target, row) in rows.enumerated() where target < row {
            for column in 0..<classCount { scores[target * classCount + column] = scores[row * classCount + column] }
        }
        scores.removeSubrange((rows.count * classCount)...)
        ids = ids.map { ids in rows.map { ids[$0] } }
    }
}

/// Which row of scores goes with which row of labels.
private struct RowJoin {
    /// Rows of scores, ascending.
    var rows: [Int] = []
    /// The row of labels of each.
    var labels: [Int] = []
    /// Labelled images without scores.
    var skipped = 0

    init(
        _ scores: ScoreTable, _ truth: LabelTable, skippingMissing: Bool, _ notes: inout [String]
    ) throws(LTError) {
        guard let given = scores.ids, let wanted = truth.ids else {
            guard scores.rowCount == truth.rowCount else {
                throw LTError(
                    .shapeMismatch, "\(scores.rowCount) rows of scores, \(truth.rowCount) of labels",
                    hint: scores.failed.isEmpty ? nil : "ids in both files join them where rows are missing")
            }
            rows = Array(0..<scores.rowCount)
            labels = rows
            if scores.ids != nil || truth.ids != nil {
                notes.append("only one of the files has ids: scores and labels are joined by row")
            }
            return
        }
        var rowOf: [String: Int] = [:]
        for (row, id) in given.enumerated() where rowOf.updateValue(row, forKey: id) != nil {
            throw LTError(.conflict, "id '\(id)' has scores twice")
        }
        var labelOf = [Int](repeating: -1, count: given.count)
        var unmatched: [Int] = []
        for (row, id) in wanted.enumerated() {
            guard let score = rowOf[id] else {
                unmatched.append(row)
                continue
            }
            guard labelOf[score] < 0 else { throw LTError(.conflict, "id '\(id)' has labels twice") }
            labelOf[score] = row
        }
        // Paths that were written differently.
        var missing: [String] = []
        if !unmatched.isEmpty {
            let failed = Dictionary(scores.failed.map { ($0.id, $0.reason) }, uniquingKeysWith: { first, _ in first })
            let found = try Matching.files(unmatched.map { wanted[$0] }, in: given)
            for (row, score) in zip(unmatched, found) {
                if let score, labelOf[score] < 0 {
                    labelOf[score] = row
                } else {
                    missing.append(failed[wanted[row]].map { "\(wanted[row]) (\($0))" } ?? wanted[row])
                }
            }
        }
        guard missing.isEmpty || skippingMissing else {
            throw LTError(
                .notFound,
                "\(missing.count) of \(wanted.count) labelled images have no scores: "
                    + missing.prefix(3).joined(separator: ", "),
                hint: "leave them out with --skip-missing")
        }
        for (row, label) in labelOf.enumerated() where label >= 0 {
            rows.append(row)
            labels.append(label)
        }
        guard !rows.isEmpty else { throw LTError(.notFound, "no id is in both files") }
        skipped = missing.count
        if skipped > 0 { notes.append("\(skipped) labelled images have no scores and are left out") }
        let unused = given.count - rows.count
        if unused > 0 { notes.append("\(unused) rows of scores have no labels and are left out") }
    }
}

/// Which column of scores each class of the labels is.
private struct ColumnJoin {
    /// Of the columns of scores, where anything says them.
    var names: [String]?
    private var columnOf: [String: Int] = [:]
    private let classCount: Int
    /// Cells that hold one class per image are read as that class.
    private let wantsSingle: Bool

    init(_ scores: ScoreTable, _ truth: LabelTable, _ layer: DecisionLayer, wantsSingle: Bool) throws(LTError) {
        classCount = scores.classCount
        self.wantsSingle = wantsSingle
        let known = layer.labels?.map(\.name)
        if let known, known.count != classCount {
            throw LTError(.shapeMismatch, "the model has \(known.count) labels, the scores \(classCount) columns")
        }
        if let known, let own = scores.names, let bad = own.indices.first(where: { own[$0] != known[$0] }) {
            throw LTError(
                .conflict, "column \(bad) of the scores is '\(own[bad])', class \(bad) of the model '\(known[bad])'")
        }
        names = known ?? scores.names
        if case .cells(_, let count) = truth.rows, count != classCount {
            throw LTError(.shapeMismatch, "labels of \(count) classes, expected \(classCount) as the scores")
        }
        if names == nil { names = truth.names }
        for (column, name) in (names ?? []).enumerated() {
            guard columnOf.updateValue(column, forKey: name) == nil else {
                if known != nil { continue }
                throw LTError(.conflict, "two classes are named '\(name)'")
            }
        }
    }

    private func column(_ class: LabelTable.Class, row: Int, openSet: Bool) throws(LTError) -> Int {
        var index: Int
        switch `class` {
        case .index(let value): index = value
        case .name(let name):
            if let column = columnOf[name] { return column }
            guard let value = Int(name) else {
                throw LTError(
                    .notFound,
                    names == nil
                        ? "label '\(name)' of row \(row): the scores have no class names"
                        : "label '\(name)' of row \(row) is no class of the scores",
                    hint: names == nil ? "head the columns of the scores with class names, or use class indices" : nil)
            }
            index = value
        }
        guard (0..<classCount).contains(index) || (openSet && index == -1) else {
            throw LTError(
                .invalidArgument, "label of row \(row) is \(index), expected 0 ..< \(classCount)",
                hint: index == -1 ? "--open-set THRESHOLD evaluates images of no known class" : nil)
        }
        return index
    }

    /// - Parameter rows: the row of labels for each row of scores.
    func predictions(
        _ scores: inout ScoreTable, _ truth: LabelTable, rows: [Int], openSet: Bool
    ) throws(LTError) -> ClassificationInput.Predictions {
        var values: [Float] = []
        swap(&values, &scores.scores)
        switch truth.rows {
        case .single(let classes):
            var labels: [Int] = []
            labels.reserveCapacity(rows.count)
            for row in rows { labels.append(try column(classes[row], row: row, openSet: openSet)) }
            return .multiclass(
                try MulticlassPredictions(logits: values, labels: labels, classCount: classCount, openSet: openSet))
        case .lists(let lists):
            var labels = [Bool](repeating: false, count: rows.count * classCount)
            for (position, row) in rows.enumerated() {
                for own in lists[row] {
                    labels[position * classCount + (try column(own, row: row, openSet: false))] = true
                }
            }
            return .multilabel(try MultilabelPredictions(scores: values, labels: labels, classCount: classCount))
        case .cells(let cells, _):
            let order = try columnOrder(truth.names)
            if wantsSingle { return try single(values, cells, rows, order) }
            if rows.elementsEqual(0..<rows.count), order == nil, cells.count == values.count {
                return .multilabel(try MultilabelPredictions(scores: values, labels: cells, classCount: classCount))
            }
            var labels = [Bool](repeating: false, count: rows.count * classCount)
            for (position, row) in rows.enumerated() {
                for column in 0..<classCount where cells[row * classCount + column] {
                    labels[position * classCount + (order?[column] ?? column)] = true
                }
            }
            return .multilabel(try MultilabelPredictions(scores: values, labels: labels, classCount: classCount))
        }
    }

    /// The column of scores of each column of cells; `nil` where they are the same.
    private func columnOrder(_ own: [String]?) throws(LTError) -> [Int]? {
        guard let own, let names, own != names else { return nil }
        var order: [Int] = []
        for name in own {
            guard let column = columnOf[name] else {
                throw LTError(.conflict, "class '\(name)' of the labels is no class of the scores")
            }
            order.append(column)
        }
        guard Set(order).count == classCount else { throw LTError(.conflict, "the labels name a class twice") }
        return order
    }

    private func single(
        _ values: [Float], _ cells: [Bool], _ rows: [Int], _ order: [Int]?
    ) throws(LTError) -> ClassificationInput.Predictions {
        var labels: [Int] = []
        for row in rows {
            let own = (0..<classCount).filter { cells[row * classCount + $0] }
            guard own.count == 1 else {
                throw LTError(.invalidArgument, "row \(row) has \(own.count) classes, expected 1")
            }
            labels.append(order?[own[0]] ?? own[0])
        }
        return .multiclass(try MulticlassPredictions(logits: values, labels: labels, classCount: classCount))
    }
}
