// The size that each resize mode asks for, with its library's rounding.

extension Preprocess.Resize {
    /// The size to resize an image to (at least 1 pixel a side).
    func target(width: Int, height: Int) -> Preprocess.Size {
        switch mode {
        case .shortest:
            // torchvision: int(size * long / short), a division of floats.
            let (short, long) = (min(width, height), max(width, height))
            var (first, other) = (size.width, Int(min(Double(size.width) * Double(long) / Double(short), 0x1p40)))
            if let longest, other > longest {
                (first, other) = (max(Int(Double(longest) * Double(first) / Double(other)), 1), longest)
            }
            return width <= height
                ? Preprocess.Size(height: other, width: first) : Preprocess.Size(height: first, width: other)
        case .squash: return size
        case .longest, .letterbox:
            // Ultralytics: one ratio, sides rounded half to even.
            let ratio = min(Double(size.height) / Double(height), Double(size.width) / Double(width))
            func side(_ length: Int, _ limit: Int) -> Int {
                min(max(Int((Double(length) * ratio).rounded(.toNearestOrEven)), 1), limit)
            }
            return Preprocess.Size(height: side(height, size.height), width: side(width, size.width))
        }
    }
}
