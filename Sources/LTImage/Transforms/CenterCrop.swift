// CenterCrop: torchvision's rule: smaller images are padded first (the odd pixel right and bottom), then the offset is
// round((length - crop) / 2), halves to even.

extension Preprocess {
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
