// Pad: letterbox and padding to a multiple place the picture on a larger canvas, in the middle (odd pixel right and
// bottom, as Ultralytics' round(d - 0.1)) or at the top left.

extension Preprocess {
    func place(_ plan: inout PreprocessPlan, _ canvas: Size) {
        if pad?.at ?? .center == .center {
            plan.left += (canvas.width - plan.width) / 2
            plan.top += (canvas.height - plan.height) / 2
        }
        plan.width = canvas.width
        plan.height = canvas.height
    }
}
