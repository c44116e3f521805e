// SyntheticFormatTable: the formats of `lt-train synth --format`, one entry each; names are those of recipes.

import LTCore

/// Every format.
public enum SyntheticFormatTable {
    public static let all: [SyntheticFormat] = [
        SyntheticFormat(
            name: "cifar10", summary: "data/cifar-10-batches-py: five training batches, test_batch, batches.meta",
            variants: cifarVariants, classes: 2...256,
            defaults: .init(classes: 10, images: 500, testImages: 50, side: 32),
            targets: { cifarTargets(.cifar10, $0) },
            write: { job throws(LTError) in try cifar(.cifar10, job) }),
        SyntheticFormat(
            name: "cifar100", summary: "data/cifar-100-python: train, test, meta", variants: cifarVariants,
            classes: 2...256, defaults: .init(classes: 100, images: 50, testImages: 10, side: 32),
            targets: { cifarTargets(.cifar100, $0) },
            write: { job throws(LTError) in try cifar(.cifar100, job) }),
        SyntheticFormat(
            name: "tiny-imagenet", summary: "data/tiny-imagenet-200: train/CLASS/images, val, wnids.txt, words.txt",
            variants: [("val-folders", "val/CLASS/images in place of val/images and val_annotations.txt")],
            classes: 2...10_000, defaults: .init(classes: 20, images: 50, testImages: 10, side: 64),
            targets: { _ in ["data/tiny-imagenet-200"] }, write: tinyImageNet),
        SyntheticFormat(
            name: "imagenet-lt", summary: "data/ImageNet_LT: lists of train, val, test; data/imagenet: their images",
            variants: [], classes: 2...10_000,
            defaults: .init(
                classes: 20, images: 130, testImages: 10, side: 96, profile: .exponential(factor: 0.04)),
            targets: { _ in ["data/ImageNet_LT", "data/imagenet"] }, write: imageNetLT),
        SyntheticFormat(
            name: "inaturalist", summary: "data/inaturalist: train2018.json, val2018.json, train_val2018/GROUP/CLASS",
            variants: [], classes: 2...10_000,
            defaults: .init(
                classes: 20, images: 100, testImages: 3, side: 96, profile: .exponential(factor: 0.03)),
            targets: { _ in ["data/inaturalist"] }, write: iNaturalist),
        SyntheticFormat(
            name: "egtea",
            summary: "data/egtea: VIDEO/CLIP/000000.jpg …, train_split.txt, val_split.txt, test_split.txt",
            variants: [], classes: 19...19,
            defaults: .init(classes: 19, images: 30, testImages: 4, side: 96, profile: .exponential(factor: 0.1)),
            targets: { _ in ["data/egtea"] }, write: egtea),
        SyntheticFormat(
            name: "folder", summary: "data/synthetic: train/CLASS, val/CLASS, test/CLASS", variants: [],
            classes: 2...10_000, defaults: .init(classes: 10, images: 100, testImages: 20, side: 64),
            targets: { _ in ["data/synthetic"] }, write: imageFolders),
        SyntheticFormat(
            name: "voc",
            summary: "data/VOCdevkit: VOC2012 (train, val, trainval), VOC2007 (test); VOC's 20 class names",
            variants: [], classes: 20...20, defaults: .init(classes: 20, images: 25, testImages: 8, side: 128),
            targets: { _ in ["data/VOCdevkit"] }, write: { job throws(LTError) in try voc(job, lists: false) }),
        SyntheticFormat(
            name: "voc-mlt", summary: "voc and appendix/VOCdevkit: the lists of a long-tailed part, terse_gt_2012.pkl",
            variants: [], classes: 20...20, defaults: .init(classes: 20, images: 60, testImages: 8, side: 96),
            targets: { _ in ["data/VOCdevkit", "appendix/VOCdevkit"] },
            write: { job throws(LTError) in try voc(job, lists: true) }),
        SyntheticFormat(
            name: "coco", summary: "data/coco: annotations/instances_{train,val}2017.json, train2017, val2017",
            variants: [], classes: 2...1000, defaults: .init(classes: 20, images: 25, testImages: 8, side: 128),
            targets: { _ in ["data/coco"] }, write: { job throws(LTError) in try coco(job, lists: false) }),
        SyntheticFormat(
            name: "coco-mlt", summary: "coco and appendix/coco: the lists of a long-tailed part, terse_gt_2017.pkl",
            variants: [], classes: 2...1000, defaults: .init(classes: 20, images: 60, testImages: 8, side: 96),
            targets: { _ in ["data/coco", "appendix/coco"] },
            write: { job throws(LTError) in try coco(job, lists: true) }),
        SyntheticFormat(
            name: "lvis", summary: "data/lvis_v1: annotations/lvis_v1_{train,val}.json, train2017, val2017",
            variants: [
                ("v0.5", "data/lvis_v0.5, with file names in place of URLs"),
                ("rle", "masks as compressed run lengths in place of polygons"),
            ], classes: 2...2000,
            defaults: .init(
                classes: 20, images: 120, testImages: 5, side: 128, profile: .exponential(factor: 0.02)),
            targets: { [$0.contains("v0.5") ? "data/lvis_v0.5" : "data/lvis_v1"] }, write: lvis),
    ]

    private static let cifarVariants = [
        ("binary", "the binary version in place of the pickles"), ("archive", "a .tar.gz in place of the folder"),
    ]
}
