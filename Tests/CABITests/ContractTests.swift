// What a correct host does, compiled as C and as C++, and against the first header: its structs and enums are those that a
// host was built with then, the library is today's.

import Foundation
import Testing

@Suite struct ContractTests {
    private static let hosts = ["contract_images", "contract_objects", "contract_tensors", "contract_calls"]

    @Test(arguments: hosts, Language.allCases) func hostsOfToday(name: String, language: Language) throws {
        try Host(name, language).expectSilence([try Scene.folder()])
    }

    @Test(arguments: hosts) func hostsOfTheFirstHeader(name: String) throws {
        try Host(name, header: Repository.root + "/Tests/ABI/0").expectSilence([try Scene.folder()])
    }

    @Test(arguments: Language.allCases) func memoryOfTheHost(language: Language) throws {
        try Host("contract_allocator", language).expectSilence([try Scene.folder()])
    }

    @Test func structsOfOtherSizes() throws {
        try Host("sizes").expectSilence([try Scene.folder()])
    }
}
