// CenterCrop: torchvision's rule: the offset is round((length - crop) / 2), halves to even. After the resize smaller images
// are padded first (the odd pixel right and bottom); before it they keep what they have.

extension Preprocess {
    /// The part of an image that `precrop` leaves.
    func precropped(width: Int, height: Int) -> PixelRectangle {
        func part(_ length: Int, _ crop: Int?) -> (start: Int, length: Int) {
            guard let crop, crop < length else { return (0, length) }
            return (Int((Double(length - crop) / 2).rounded(.toNearestOrEven)), crop)
        }
        let (x, y) = (part(width, precrop?.width), part(height, precrop?.height))
        return PixelRectangle(x: x.start, y: y.start, width: x.length, height: y.length)
    }

    func centerCrop(_ plan: inout PreprocessPlan, _ crop: Size) {
        func offset(_ length: Int, _ crop: Int) -> Int {
            crop >= length ? (crop - length) / 2 : -Int((Double(length - crop) / 2).rounded(.toNearestOrEven))
        }
        plan.left += offset(plan.width, crop.width)
        plan.top += offset(plan.height, crop.height)
        plan.width = crop.width
        plan.height = crop.height
    }
}
