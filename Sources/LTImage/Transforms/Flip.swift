// Flip: the mirror image.

import LTCore

extension Image {
    /// The image with left and right exchanged.
    public func flippedHorizontally() throws(LTError) -> Image { try oriented(2) }
}
