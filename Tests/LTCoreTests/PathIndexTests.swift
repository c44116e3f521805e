// PathIndex: paths by how they end.

import LTCore
import Testing

@Suite struct PathIndexTests {
    @Test func theLongestCommonEndWins() {
        let index = PathIndex(["a/x.jpg", "b/x.jpg", "/data/b/x.jpg", "y.jpg", "./c//z.jpg", ""])
        #expect(index.matches("a/x.jpg") == [0] && index.matches("/home/a/x.jpg") == [0])
        #expect(index.matches("b/x.jpg") == [1])
        #expect(index.matches("/data/b/x.jpg") == [2])
        #expect(index.matches("x.jpg") == [0, 1, 2])
        #expect(index.matches("deep/y.jpg") == [3] && index.matches("c/z.jpg") == [4])
        #expect(index.matches("c/x.jpg").isEmpty && index.matches("").isEmpty && index.matches("/").isEmpty)
    }
}
