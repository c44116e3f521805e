// Published weights of detectors, by name: torchvision's state dicts in both of its spellings; a classifier's for the body
// with `init.into: backbone.body.`

import LTCore

extension RCNN.Parts {
    /// Replaces weights and running statistics by those of a file.
    /// - Returns: what the user should be told.
    /// - Throws: `notFound`, `shapeMismatch` listing the names at fault.
    public mutating func load(_ file: WeightFile, _ start: Recipe.Start) throws(LTError) -> [String] {
        try WeightAssignment(file, start, spellings: Self.spellings).fill(&all)
    }

    /// A weight's name, and the one that torchvision gave it before 0.13.
    private static func spellings(_ name: String) -> [String] {
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count > 4 else { return [name] }
        switch (parts[0], parts[1], parts[2]) {
        case ("backbone", "fpn", "inner_blocks"), ("backbone", "fpn", "layer_blocks"):
            // backbone.fpn.inner_blocks.0.0.weight
            return [name, (parts[..<4] + parts[5...]).joined(separator: ".")]
        case ("rpn", "head", "conv"):
            // rpn.head.conv.0.0.weight
            return [name, (parts[..<3] + parts[5...]).joined(separator: ".")]
        case ("roi_heads", "mask_head", _):
            // roi_heads.mask_head.0.0.weight
            guard let index = Int(parts[2]) else { return [name] }
            return [name, "roi_heads.mask_head.mask_fcn\(index + 1).\(parts[4])"]
        default: return [name]
        }
    }
}
