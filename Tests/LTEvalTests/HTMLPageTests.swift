// The HTML page: one file whose data cannot break out of its block; and, where a Chromium is installed, what a browser
// makes of it: no console error, no request, figures, tables and controls that work.

import Foundation
import LTCore
import LTDecision
import LTEval
import LTImage
import Testing

/// Names as a hostile data set may have them; the last starts with a combining mark.
private let hostile = [
    "</script><script>alert(1)</script>", "<!--<script>", "<img src=x onerror=alert(1)>", "\u{2028}\"'&", "{{DATA}}",
    "\u{338}</script>", "=HYPERLINK(\"x\")", "__proto__",
]

private func multilabelReport() throws -> Report {
    let counts = try binary("cls_ml_traincount_20_i32.bin", Int32.self).map { Int($0) }
    let layer = DecisionLayer(
        task: .multilabel,
        labels: (0..<20).map { .init(id: $0 + 1, name: $0 < hostile.count ? hostile[$0] : "class \($0)") },
        trainCounts: counts, groups: .db, activation: .sigmoid)
    return try Report.multilabel(multilabelFixture(), layer: layer, figures: true)
}

private func temporary(_ name: String) -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("lt-\(UUID().uuidString)-\(name)").path
}

@Suite struct HTMLPageTests {
    @Test func dataStaysInItsBlock() throws {
        var report = detectionLikeReport()
        report.classes = hostile.map { .object([.init("name", .string($0))]) }
        let page = try HTMLPage([.init(name: hostile[0], report: report.json)], text: hostile.joined()).html
        #expect(page.components(separatedBy: "</script").count == 3, "the data's end and the script's")
        #expect(page.unicodeScalars.split(separator: "<").count { String($0).hasPrefix("!--") } == 0)
        let start = try #require(page.range(of: "id=\"data\">")?.upperBound)
        let end = try #require(page.range(of: "</script>", range: start..<page.endIndex)?.lowerBound)
        let data = Fixture(try JSONSerialization.jsonObject(with: Data(page[start..<end].utf8)))
        let read = data["runs"][0]["report"]
        #expect(read["classes"].array.map { $0["name"].value as? String } == hostile)
        #expect(read["AP"].double == 0.2)
        #expect(data["runs"][0]["name"].value as? String == hostile[0])
    }

    @Test func nothingComesFromElsewhere() throws {
        let page = try HTMLPage([.init(name: "x", report: detectionLikeReport().json)]).html
        let outside = page.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "")
        for reference in [
            "http:", "https:", "//cdn", "@import", "url(", "src=", "fetch(", "XMLHttpRequest", "innerHTML",
        ] {
            #expect(!outside.contains(reference), "\(reference)")
        }
        #expect(page.contains("default-src 'none'; script-src 'sha256-"))
        #expect(!page.contains("unsafe-inline"))
    }

    @Test func otherFilesAreRefused() throws {
        let none = #expect(throws: LTError.self) { try HTMLPage([]) }
        #expect(none?.code == .invalidArgument)
        let path = temporary("a.json")
        defer { try? FileManager.default.removeItem(atPath: path) }
        for text in ["{}", "[]", "{\"schema\": 2, \"task\": \"detection\", \"metrics\": {}, \"layout\": {}}"] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: LTError.self) { try HTMLPage(files: [path]) }
            #expect(error?.code == .unsupported && error?.description.contains(path) == true)
        }
    }

    @Test func storedReportsStandSideBySide() throws {
        let folder = temporary("runs")
        for name in ["a", "b"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var report = detectionLikeReport()
        try report.writeJSON("\(folder)/a/report.json")
        report.sections[0].rows[0].values[3] = 0.25
        try report.writeJSON("\(folder)/b/report.json")
        let page = try HTMLPage(files: ["\(folder)/a/report.json", "\(folder)/b/report.json"])
        #expect(page.runs.map(\.name) == ["a/report", "b/report"])
        let lines = page.text.split(separator: "\n").map(String.init)
        #expect(lines[0].hasSuffix("a/report        b/report"))
        #expect(lines.contains("AP, total                20.00   25.00 (+5.00)"))
        #expect(lines.contains("AP, r                    10.00   10.00 (+0.00)"))
        try page.write("\(folder)/page.html")
        #expect(try String(contentsOfFile: "\(folder)/page.html", encoding: .utf8) == page.html)
    }
}

@Suite struct ThumbnailTests {
    @Test func picturesOfMistakes() throws {
        let path = temporary("image.jpg")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let image = try Image(width: 300, height: 200, channels: 3)
        image.bytes.update(repeating: 0)
        for y in 50..<150 { for x in 100..<200 { image.bytes[(y * 300 + x) * 3] = 255 } }
        try Data(image.encodedJPEG()).write(to: URL(fileURLWithPath: path))
        var report = detectionLikeReport()
        report.mistakes = [
            .init(image: "whole", classIndex: 0, score: 1, kind: "missed"),
            .init(image: "whole", classIndex: 0, score: 1, kind: "false alarm", box: [100, 50, 100, 50]),
            .init(image: "whole", classIndex: 0, score: 1, kind: "false alarm", box: [1e300, 50, 100, .nan]),
            .init(image: "gone", classIndex: 0, score: 1, kind: "missed"),
            .init(image: "unknown", classIndex: 0, score: 1, kind: "missed"),
        ]
        report.addThumbnails(side: 50) { $0 == "unknown" ? nil : $0 == "whole" ? path : path + ".none" }
        let sizes = try report.mistakes.map { mistake -> [Int]? in
            guard let text = mistake.thumbnail else { return nil }
            let data = try #require(Data(base64Encoded: String(text.dropFirst("data:image/jpeg;base64,".count))))
            let image = try Image.decode(Array(data))
            return withExtendedLifetime(image.pixels) {
                [
                    image.width, image.height,
                    image.bytes[(image.height / 2 * image.width + image.width / 2) * 3] > 128 ? 1 : 0,
                ]
            }
        }
        #expect(sizes == [[50, 33, 1], [50, 25, 1], [50, 33, 1], nil, nil])
        #expect(report.notes.last == "2 of the mistakes' 5 images could not be read for a picture")
        #expect(report.json["mistakes"]?.elements[0]["thumbnail"]?.string?.hasPrefix("data:image/jpeg") == true)
    }
}

/// A browser to open pages with.
private enum Chromium {
    static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// The document after its scripts ran, and what they wrote to the console.
    static func open(_ html: String, width: Int = 1280) throws -> (document: String, console: [String]) {
        let file = temporary("page.html")
        let profile = temporary("profile")
        defer { for path in [file, profile] { try? FileManager.default.removeItem(atPath: path) } }
        try Data(html.utf8).write(to: URL(fileURLWithPath: file))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(path))
        process.arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--user-data-dir=\(profile)", "--enable-logging=stderr", "--v=0",
            "--window-size=\(width),1600", "--virtual-time-budget=4000", "--dump-dom", "file://\(file)",
        ]
        let (output, log) = (temporary("dom"), temporary("log"))
        for path in [output, log] { try Data().write(to: URL(fileURLWithPath: path)) }
        defer { for path in [output, log] { try? FileManager.default.removeItem(atPath: path) } }
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        try process.run()
        let watchdog = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + 120, execute: watchdog)
        process.waitUntilExit()
        watchdog.cancel()
        let console = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { $0.contains(":CONSOLE") }
        // Without the scripts, whose text is part of the document.
        let document = try String(contentsOfFile: output, encoding: .utf8)
            .replacing(#/<script[^>]*>.*?</script>/#.dotMatchesNewlines(), with: "")
        return (document, console)
    }
}

@Suite(.enabled(if: Chromium.path != nil, "no Chromium is installed (Debian: apt-get install chromium)"), .serialized)
struct HTMLPageInBrowserTests {
    @Test(arguments: [1280, 390])
    func figuresAndTablesAreThere(width: Int) throws {
        let report = try multilabelReport()
        let (document, console) = try Chromium.open(
            HTMLPage([.init(name: "model.onnx", report: report.json)]).html, width: width)
        #expect(console == [])
        #expect(document.contains("data-ready=\"true\""))
        // The figures and the threshold explorer's.
        #expect(document.components(separatedBy: "<svg class=\"plot\"").count - 1 == report.figures.count + 1)
        for id in ["overview", "figures", "thresholds", "classes", "mistakes", "provenance"] {
            #expect(document.contains("<section id=\"\(id)\""))
        }
        #expect(document.components(separatedBy: "data-index=").count - 1 == 20)
        #expect(document.contains(">58.08<"), "mAP")
        #expect(document.contains("&lt;img src=x onerror=alert(1)&gt;") && !document.contains("<img src=\"x\""))
        #expect(!document.contains("NaN") && !document.contains("undefined"))
    }

    @Test func detectionAndComparison() throws {
        let first = detectionLikeReport()
        var second = first
        second.sections[0].rows[0].values = [0.2, 0.3, nil, 0.25]
        let runs = [first, second].enumerated().map { HTMLPage.Run(name: "run \($0)", report: $1.json) }
        let (document, console) = try Chromium.open(HTMLPage(runs).html)
        #expect(console == [])
        #expect(document.contains("<section id=\"runs\""))
        #expect(document.contains("+10.00 ▲") && document.contains("[25.00, 35.00]"))
        #expect(document.contains("a/b.jpg") && document.contains("1, 2, 3, 4"))
        #expect(!document.contains("NaN") && !document.contains("undefined"))
    }

    @Test func controlsWork() throws {
        // A script of our own plays the reader; the policy that would stop it is taken out.
        let script = """
            <script>
            const result = {};
            const fire = (node, type) => node.dispatchEvent(new Event(type, { bubbles: true }));
            const names = () => [...document.querySelectorAll(".classes tbody tr")].map((row) => row.children[0].textContent);
            const header = (text) => [...document.querySelectorAll(".classes th button")].find((node) => node.textContent.startsWith(text));
            header("AP").click();
            const share = (row) => Number(row.querySelector(".bar")?.textContent ?? 0);
            const aps = [...document.querySelectorAll(".classes tbody tr")].map(share);
            result.sorted = aps.every((value, k) => k === 0 || aps[k - 1] >= value);
            result.sort = header("AP").closest("th").getAttribute("aria-sort");
            const slider = document.querySelector("input[type=range]");
            const numbers = () => [...document.querySelectorAll(".numbers b")].map((node) => node.textContent);
            result.before = numbers();
            slider.value = 0;
            fire(slider, "input");
            result.after = numbers();
            document.querySelector(".classes tbody tr").click();
            result.scope = document.querySelector(".explorer h3").textContent;
            const search = document.querySelector("#classes input[type=search]");
            search.value = "CLASS 1";
            fire(search, "input");
            setTimeout(() => {
                const plot = document.querySelector("svg.plot");
                plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
                result.said = document.getElementById("live").textContent;
                result.found = names();
                document.body.append(JSON.stringify(result));
            }, 600);
            </script></body>
            """
        let page = try HTMLPage([.init(name: "x", report: multilabelReport().json)]).html
        let policy = try #require(page.range(of: "default-src 'none'[^\"]*", options: .regularExpression))
        let (document, console) = try Chromium.open(
            page.replacingCharacters(in: policy, with: "").replacingOccurrences(of: "</body>", with: script))
        #expect(console == [])
        let start = try #require(document.range(of: "{\"sorted\"", options: .backwards)?.lowerBound)
        let end = try #require(document.range(of: "</body>", range: start..<document.endIndex)?.lowerBound)
        let result = Fixture(try JSONSerialization.jsonObject(with: Data(document[start..<end].utf8)))
        #expect(result["sorted"].value as? Bool == true)
        #expect(result["sort"].value as? String == "descending")
        // All 800 × 20 pairs at threshold 0; the report's own decisions at 0.5.
        let after = result["after"].array.compactMap { $0.value as? String }
        #expect(after[1] == "100.0" && after[5] == "0")
        let positives = try multilabelFixture().positives.reduce(0, +)
        #expect(after[4].replacingOccurrences(of: ",", with: "") == "\(16000 - positives)")
        #expect((result["before"][0].value as? String)?.isEmpty == false)
        #expect((result["scope"].value as? String)?.contains("(id ") == true)
        #expect((result["said"].value as? String)?.contains("training images of the class") == true)
        let found = result["found"].array.compactMap { $0.value as? String }
        #expect(found.count == 10 && found.allSatisfy { $0.hasPrefix("class 1") })
    }

    @Test func aForeignRequestWouldShow() throws {
        let page = try HTMLPage([.init(name: "x", report: detectionLikeReport().json)]).html
        let (_, console) = try Chromium.open(
            page.replacingOccurrences(of: "</main>", with: "<img src=\"http://example.invalid/a.png\"></main>"))
        #expect(console.contains { $0.contains("Content Security Policy") })
    }
}
