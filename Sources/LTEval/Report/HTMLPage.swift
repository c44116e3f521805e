// HTMLPage: reports as one file that needs no network: template, style, script and data in one. Page/ has the parts.
// The data stands in a script block that is never run, "<" escaped; the content security policy allows exactly this style
// and this script, by their hashes, and no request at all.

import Foundation
import LTCore

/// A page that shows one report, or several side by side.
public struct HTMLPage: Sendable {
    /// A report under the name by which the page calls it.
    public struct Run: Sendable {
        public var name: String
        /// What `Report.json` gives.
        public var report: ReportJSON

        public init(name: String, report: ReportJSON) {
            self.name = name
            self.report = report
        }
    }

    public var runs: [Run]
    /// The course of a training run and what it is called: then the reports are of its splits, not of runs to compare.
    public var training: (name: String, figures: [Report.Figure])?
    /// Who made the page.
    public var program = "lt-eval"
    /// What a browser without JavaScript shows.
    public var text: String

    /// - Throws: `invalidArgument` without any run, `unsupported` for what is no report of this schema, naming the run.
    public init(_ runs: [Run], text: String = "") throws(LTError) {
        guard !runs.isEmpty else { throw LTError(.invalidArgument, "no report to show, expected at least one") }
        for run in runs {
            guard run.report["schema"] == .int(Report.schema), run.report["task"]?.string != nil,
                run.report["metrics"] != nil, run.report["layout"] != nil
            else {
                throw LTError(
                    .unsupported, "no report of schema \(Report.schema)", context: ["report \(run.name)"],
                    hint: "reports are what lt-eval writes with --json")
            }
        }
        self.runs = runs
        self.text = text
    }

    /// Reads reports that were written with `--json`, named by their files.
    /// - Throws: `io`, `malformed`, `unsupported`, naming the file.
    public init(files: [String]) throws(LTError) {
        var runs: [Run] = []
        for file in files { runs.append(Run(name: file, report: try ReportJSON(file: file))) }
        try self.init(runs)
        for (position, name) in Self.shortNames(files).enumerated() { self.runs[position].name = name }
        text = Self.text(self.runs)
    }

    /// The page.
    public var html: String {
        let style = String(decoding: PackageResources.page_css, as: UTF8.self)
        let parts = [
            PackageResources.dom_js, PackageResources.chart_js, PackageResources.figure_js,
            PackageResources.overview_js,
            PackageResources.classes_js, PackageResources.thresholds_js, PackageResources.compare_js,
            PackageResources.page_js,
        ]
        let script =
            "\"use strict\";\n(() => {\n" + parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
            + "})();\n"
        var members: [ReportJSON.Member] = [
            .init("program", .string(program)),
            .init(
                "runs",
                .array(runs.map { .object([.init("name", .string($0.name)), .init("report", $0.report)]) })),
        ]
        if let training {
            members.append(
                .init(
                    "training",
                    .object([
                        .init("name", .string(training.name)),
                        .init("figures", .array(training.figures.map(\.json))),
                    ])))
        }
        let data = ReportJSON.object(members).compactText
        let policy =
            "default-src 'none'; script-src '\(Self.hash(script))'; style-src '\(Self.hash(style))'; "
            + "img-src data:; base-uri 'none'; form-action 'none'"
        // One pass over the template: what is put in is not searched again.
        var page = ""
        for part in String(decoding: PackageResources.page_html, as: UTF8.self).components(separatedBy: "{{") {
            guard let end = part.range(of: "}}") else {
                page += part
                continue
            }
            switch part[..<end.lowerBound] {
            case "POLICY": page += policy
            case "TITLE":
                page += Self.escaped((training?.name ?? runs.map(\.name).joined(separator: ", ")) + " – \(program)")
            case "STYLE": page += style
            case "SCRIPT": page += script
            case "DATA": page += Self.replacing(["<": "\\u003c"], in: data)
            case "TEXT": page += Self.escaped(text)
            default: page += "{{" + part[..<end.upperBound]
            }
            page += part[end.upperBound...]
        }
        return page
    }

    /// Writes the page, complete or not at all.
    /// - Throws: `io`.
    public func write(_ path: String) throws(LTError) {
        try within("page \(path)") { () throws(LTError) in
            try replaceFile(path, with: Array(html.utf8))
        }
    }

    private static func hash(_ text: String) -> String {
        let hex = Array(SHA256.digest(of: text).utf8)
        let bytes = stride(from: 0, to: hex.count, by: 2).compactMap {
            UInt8(String(decoding: hex[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        return "sha256-" + Data(bytes).base64EncodedString()
    }

    private static func escaped(_ text: String) -> String {
        replacing(["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;"], in: text)
    }

    /// Scalar by scalar: as characters, "<" before a combining mark would be another one.
    private static func replacing(_ replacements: [Unicode.Scalar: String], in text: String) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if byte < 0x80, let replacement = replacements[Unicode.Scalar(byte)] {
                result += replacement.utf8
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// File names without what all have in common: folders that agree and the ending ".json".
    private static func shortNames(_ files: [String]) -> [String] {
        let parts = files.map { file in
            (file.hasSuffix(".json") ? String(file.dropLast(5)) : file).split(separator: "/").map(String.init)
        }
        var shared = 0
        while let first = parts.first, shared < first.count - 1,
            parts.allSatisfy({ shared < $0.count - 1 && $0[shared] == first[shared] })
        {
            shared += 1
        }
        return parts.map { $0.dropFirst(shared).joined(separator: "/") }
    }
}

extension Report {
    /// Writes the report as a page, complete or not at all.
    /// - Throws: `io`.
    public func writeHTML(_ path: String) throws(LTError) {
        // What was judged names the run: the model, else the predictions.
        let name = ["model", "results", "predictions", "scores"].lazy
            .compactMap { key in provenance.first { $0.key == key }?.value }
            .map {
                $0.string ?? $0["file"]?.string
                    ?? $0.elements.compactMap { $0.string ?? $0["file"]?.string }.joined(separator: ", ")
            }
            .first
        try HTMLPage([.init(name: name ?? task, report: json)], text: text + "\n\n" + fullText).write(path)
    }
}
