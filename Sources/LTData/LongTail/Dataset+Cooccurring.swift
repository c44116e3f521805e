// The long-tail construction of COCO-MLT and VOC-MLT (Distribution-Balanced loss, Wu et al., 2020) for images with several
// classes: classes that appear beside many others come first and take the largest sizes; each class in turn is brought to
// its size by adding or removing images at random, which moves the counts of the classes beside it too, so that final
// counts lie around the wanted ones. The procedure is the published one; its draws are of our own generator.

import LTCore

extension Dataset {
    /// Positions of the chosen images, in the order in which they were added.
    /// - Parameters:
    ///   - sizes: wanted images per class, by rank.
    ///   - pool: for each category the positions of its images.
    func cooccurring(_ sizes: [Int], pool: [[Int]], seed: UInt64) -> [Int] {
        var generator = SeededGenerator(seed: seed)
        var counts = [Int](repeating: 0, count: categories.count)
        var isChosen = [Bool](repeating: false, count: images.count)
        var order: [Int] = []
        func move(_ position: Int, _ step: Int) {
            isChosen[position] = step > 0
            for label in images[position].labels { counts[label] += step }
        }
        for (category, wanted) in zip(companyOrder(pool), sizes) {
            let excess = counts[category] - wanted
            let candidates = pool[category].filter { isChosen[$0] == (excess > 0) }
            let drawn = generator.shuffled(candidates).prefix(abs(excess))
            for position in drawn { move(position, excess > 0 ? -1 : 1) }
            if excess < 0 { order += drawn }
        }
        // An image that was removed and added again counts where it was added last.
        var isListed = [Bool](repeating: false, count: images.count)
        var result: [Int] = []
        for position in order.reversed() where isChosen[position] && !isListed[position] {
            isListed[position] = true
            result.append(position)
        }
        return result.reversed()
    }

    /// Categories by how much they keep company: the sum over all classes i of the share of i's images that have the
    /// category too; descending, ties by position.
    private func companyOrder(_ pool: [[Int]]) -> [Int] {
        var company = [Double](repeating: 0, count: categories.count)
        for positions in pool where !positions.isEmpty {
            let share = 1 / Double(positions.count)
            for position in positions { for label in images[position].labels { company[label] += share } }
        }
        return company.indices.sorted { (-company[$0], $0) < (-company[$1], $1) }
    }
}
