"""Draws LVIS-like ground truth and detections: federated, long-tailed, as large as asked for. Seeded; needs numpy.

draw(folder, images, categories, detections, masks) writes gt.json, dt_bbox.json and (masks) dt_segm.json. Category sizes
fall from thousands to one; each image has a few positive and negative categories, some not exhaustively annotated.
Detections are jittered ground truth with a score that follows their overlap, duplicates, confusions and noise; scores
and boxes are float32 widened to double, as detectors write them, one score in five on a coarse grid, so that ties occur.
Masks are polygons in the ground truth and run lengths in the results (pycocotools).

Run: python Benchmarks/lvis_like.py FOLDER IMAGES CATEGORIES DETECTIONS_PER_IMAGE [masks]; prints the number of detections."""

import json
import pathlib
import sys

import numpy as np


def outline(rng, x, y, w, h):
    """A star-shaped polygon in a box."""
    corners = int(rng.integers(6, 20))
    angle = (np.arange(corners) + 0.6 * rng.random(corners)) * 2 * np.pi / corners
    radius = 0.75 + 0.25 * rng.random(corners)
    return x + w / 2 * (1 + radius * np.cos(angle)), y + h / 2 * (1 + radius * np.sin(angle))


def weighted_choice(rng, weights, count, banned=()):
    """`count` different positions, drawn by weight (Gumbel's trick)."""
    keys = np.log(weights) + rng.gumbel(size=len(weights))
    keys[list(banned)] = -np.inf
    return np.argsort(-keys)[:count]


def draw(folder, images, categories, detections, masks=False, seed=11):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    train_images = np.maximum(1, (10 ** np.linspace(4.2, 0, categories)).astype(int))
    rng.shuffle(train_images)
    weights = train_images ** 0.45
    names = np.where(train_images <= 10, "r", np.where(train_images <= 100, "c", "f"))
    width = rng.choice([640, 480, 500, 427], images)
    height = rng.choice([480, 640, 426, 375], images)
    ids = np.sort(rng.choice(50 * images, images, replace=False)) + 1
    gt_images, annotations, shapes = [], [], []
    truth = []
    for index in range(images):
        positive = weighted_choice(rng, weights, min(int(rng.poisson(3.8)), categories // 3))
        negative = weighted_choice(rng, weights, min(1 + int(rng.poisson(7)), categories // 3), positive)
        gt_images.append({
            "id": int(ids[index]), "width": int(width[index]), "height": int(height[index]),
            "coco_url": f"http://images.cocodataset.org/val2017/{ids[index]:012d}.jpg",
            "neg_category_ids": (negative + 1).tolist(),
            "not_exhaustive_category_ids": (positive[rng.random(len(positive)) < 0.12] + 1).tolist()})
        for category in positive:
            for _ in range(min(int(rng.geometric(0.4)), 40)):
                w = float(np.clip(np.exp(rng.normal(3.9, 1)), 3, 0.9 * width[index]))
                h = float(np.clip(w * np.exp(rng.normal(0, 0.45)), 3, 0.9 * height[index]))
                box = [round(v, 2) for v in (rng.random() * (width[index] - w), rng.random() * (height[index] - h), w, h)]
                truth.append((index, int(category), *box))
                px, py = outline(rng, *box) if masks else (None, None)
                polygon = (np.stack([px, py], 1).ravel().round(2).tolist() if masks
                           else [box[0], box[1], box[0] + w, box[1], box[0] + w, box[1] + h, box[0], box[1] + h])
                shapes.append((px, py))
                annotations.append({
                    "id": len(annotations) + 1, "image_id": int(ids[index]), "category_id": int(category) + 1,
                    "bbox": box, "area": round(0.7 * box[2] * box[3], 2), "segmentation": [polygon]})
    with open(folder / "gt.json", "w") as file:
        json.dump({"images": gt_images, "annotations": annotations, "categories": [
            {"id": k + 1, "name": f"category {k + 1}", "frequency": str(names[k]), "image_count": int(train_images[k]),
             "instance_count": int(2 * train_images[k])} for k in range(categories)]}, file)

    truth = np.array(truth)
    found = np.nonzero(rng.random(len(truth)) < np.choose(
        np.searchsorted([10, 100], train_images[truth[:, 1].astype(int)]), [0.4, 0.65, 0.85]))[0]
    found = np.concatenate([found, found[rng.random(len(found)) < 0.25]])
    jitter = np.abs(rng.normal(0, 0.09, (len(found), 4)))
    sign = np.where(rng.random((len(found), 4)) < 0.5, -1, 1) * jitter
    boxes = truth[found, 2:].copy()
    boxes[:, :2] += sign[:, :2] * boxes[:, 2:]
    boxes[:, 2:] *= np.exp(sign[:, 2:])
    scores = rng.beta(4, 2.2, len(found)) * (1 - jitter.mean(1))
    category = truth[found, 1].astype(int)
    confused = rng.random(len(found)) < 0.06
    category[confused] = rng.choice(categories, confused.sum(), p=weights / weights.sum())
    image = truth[found, 0].astype(int)
    noise = np.maximum(detections - np.bincount(image, minlength=images), 0)
    owner = np.repeat(np.arange(images), noise)
    w = np.clip(np.exp(rng.normal(3.9, 1, len(owner))), 2, width[owner])
    h = np.clip(w * np.exp(rng.normal(0, 0.45, len(owner))), 2, height[owner])
    random = np.stack([rng.random(len(owner)) * (width[owner] - w), rng.random(len(owner)) * (height[owner] - h), w, h], 1)
    boxes = np.concatenate([boxes, random]).astype(np.float32).astype(float)
    scores = np.concatenate([scores, rng.beta(0.7, 7, len(owner))]).clip(1e-4, 0.9999)
    scores = np.where(rng.random(len(scores)) < 0.2, np.maximum(np.round(scores * 64), 1) / 64,
                      scores.astype(np.float32).astype(float))
    image = np.concatenate([image, owner])
    category = np.concatenate([category, rng.choice(categories, len(owner), p=weights / weights.sum())])
    source = np.concatenate([found, np.full(len(owner), -1)])
    order = np.lexsort((-scores, image))
    with open(folder / "dt_bbox.json", "w") as file:
        file.write("[")
        for start in range(0, len(order), 100_000):
            part = order[start:start + 100_000]
            file.write(", " * (start > 0) + ", ".join(
                '{"image_id": %d, "category_id": %d, "bbox": [%r, %r, %r, %r], "score": %r}' % values
                for values in zip(ids[image[part]].tolist(), (category[part] + 1).tolist(),
                                  *boxes[part].T.tolist(), scores[part].tolist())))
        file.write("]")
    if masks:
        write_masks(folder / "dt_segm.json", rng, order, ids, image, category, boxes, scores, source, truth, shapes,
                    width, height)
    return len(order)


def write_masks(path, rng, order, ids, image, category, boxes, scores, source, truth, shapes, width, height):
    from pycocotools import mask
    with open(path, "w") as file:
        for number, row in enumerate(order):
            x, y, w, h = boxes[row]
            if source[row] >= 0:  # the outline of what was found, moved along with its box
                _, _, tx, ty, tw, th = truth[source[row]]
                px, py = shapes[source[row]]
                px, py = (px - tx) / tw * w + x, (py - ty) / th * h + y
            else:
                px, py = outline(rng, x, y, w, h)
            size = int(height[image[row]]), int(width[image[row]])
            runs = mask.merge(mask.frPyObjects([np.stack([px, py], 1).ravel().tolist()], *size))
            file.write("[" if number == 0 else ", ")
            file.write(json.dumps({
                "image_id": int(ids[image[row]]), "category_id": int(category[row]) + 1, "score": float(scores[row]),
                "segmentation": {"size": list(size), "counts": runs["counts"].decode()}}))
        file.write("]")


if __name__ == "__main__":
    print(draw(sys.argv[1], *map(int, sys.argv[2:5]), masks="masks" in sys.argv[5:]))
