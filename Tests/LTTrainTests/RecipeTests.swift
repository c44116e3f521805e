// Recipes: unknown keys by name with the nearest known one, ranges, overrides.

import Foundation
import LTCore
import LTData
import LTTrain
import Testing

@Suite struct RecipeTests {
    func failure(_ overrides: [String], yaml: String = testRecipe) -> LTError? {
        do {
            _ = try Recipe(yaml: yaml, overrides: overrides)
            return nil
        } catch { return error }
    }

    @Test func unknownKeysAreNamedWithTheNearestKnownOne() {
        let typo = failure(["optimizer.momentun=0.8"])
        #expect(typo?.message.hasPrefix("unknown key 'optimizer.momentun'") ?? false)
        #expect(typo?.hint == "did you mean 'momentum'?")
        let root = failure([], yaml: testRecipe + "\nsede: 4\n")
        #expect(root?.message.contains("unknown key 'sede' (line ") ?? false)
        #expect(root?.hint == "did you mean 'seed'?")
        let stranger = failure(["augment.zzzzzzzz=1"])
        #expect(stranger?.hint?.contains("crop, flip, jitter, pad_crop, photometric") ?? false)
    }

    @Test func valuesOutOfRangeNameTheKey() {
        #expect(failure(["batch=0"])?.message.contains("batch: '0', expected a whole number from 1") ?? false)
        #expect(failure(["batch=many"])?.message.contains("batch: 'many'") ?? false)
        #expect(failure(["optimizer.lr=-1"])?.message.contains("optimizer.lr: '-1'") ?? false)
        #expect(failure(["augment.crop.scale=[0.9, 0.5]"])?.message.contains("augment.crop.scale") ?? false)
        #expect(failure(["network.depth=33"])?.message.contains("either depth or blocks") ?? false)
        #expect(failure(["network={name: resnet, depth: 33}"])?.description.contains("key 'network.depth'") ?? false)
        #expect(failure(["network={name: vgg}"])?.message.contains("expected one of resnet-cifar, resnet") ?? false)
        #expect(failure(["epochs=3"])?.message.contains("either 'epochs' or 'iterations'") ?? false)
        #expect(failure(["loss=null"])?.message == "the recipe has no key 'loss'")
        #expect(failure([], yaml: "a: [1")?.code == .malformed)
        #expect(failure([], yaml: "seed: 1\nseed: 2")?.message.contains("seed") ?? false)
        #expect(failure(["seed"])?.message.contains("expected key.path=value") ?? false)
        #expect(failure([]) == nil)
    }

    @Test func scientificNotationIsANumber() throws {
        let recipe = try Recipe(yaml: testRecipe, overrides: ["optimizer.lr=2e-3"])
        #expect(recipe.optimizer.learningRate == 0.002 && recipe.optimizer.weightDecay == 1e-4)
    }

    @Test func theDigestSeesValuesAndNotLayout() throws {
        let recipe = try Recipe(yaml: testRecipe)
        #expect(try Recipe(yaml: "# a comment\n" + testRecipe).digest == recipe.digest)
        #expect(try Recipe(yaml: testRecipe, overrides: ["out=elsewhere", "threads=2"]).digest == recipe.digest)
        #expect(try Recipe(yaml: testRecipe, overrides: ["seed=4"]).digest != recipe.digest)
    }

    @Test func aRecipeExtendsAnotherKeyByKey() throws {
        let folder = Fixtures.temporary()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func write(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        try write("base.yaml", testRecipe)
        try write("bce.yaml", "extends: base.yaml\nloss: {name: bce}\nseed: 9\n")
        try write("longer.yaml", "extends: bce.yaml\niterations: 40\n")
        let recipe = try Recipe.read("\(folder)/longer.yaml", overrides: ["batch=2"])
        #expect(recipe.iterations == 40 && recipe.seed == 9 && recipe.batch == 2)
        #expect(recipe.text.contains("name: bce") && !recipe.text.contains("extends"))
        // The same as if it were written out.
        #expect(
            try recipe.digest
                == Recipe(yaml: testRecipe, overrides: ["loss={name: bce}", "seed=9", "iterations=40", "batch=2"])
                .digest)
        try write("circle.yaml", "extends: circle.yaml\n")
        let circle = #expect(throws: LTError.self) { try Recipe.read("\(folder)/circle.yaml") }
        #expect(circle?.message.contains("in a circle") ?? false)
        try write("orphan.yaml", "extends: nowhere.yaml\n")
        let orphan = #expect(throws: LTError.self) { try Recipe.read("\(folder)/orphan.yaml") }
        #expect(orphan?.description.contains("nowhere.yaml") ?? false)
    }
}

@Suite struct DataSourceTests {
    @Test func limitShowsEveryClass() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, count) in [("ant", 1), ("bee", 7), ("cat", 3)] {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            for index in 0..<count {
                _ = FileManager.default.createFile(atPath: "\(folder)/\(name)/\(index).png", contents: Data())
            }
        }
        func paths(_ limit: Int) throws -> [String] {
            let section = try RecipeSection(yaml: "{format: folder, root: '\(folder)', limit: \(limit)}")
            return try DataSource(section).read().images.map(\.path)
        }
        #expect(try paths(2) == ["ant/0.png", "bee/0.png"])
        #expect(try paths(6) == ["ant/0.png", "bee/0.png", "bee/1.png", "bee/2.png", "cat/0.png", "cat/1.png"])
        #expect(try paths(99).count == 11)
    }
}
