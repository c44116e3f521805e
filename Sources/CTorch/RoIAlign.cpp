// RoIAlign over the levels of a pyramid (He et al., Mask R-CNN, arXiv:1703.06870, §3): a region is divided into bins, a bin is the
// mean of samples at a regular grid of points in it, each interpolated between four elements of the map. Points past the edge
// by up to one element count as at the edge, those beyond as 0.
// On the host a kernel reads maps with channels innermost, so that a sample is four rows of channels; threads share
// regions on the way forward and channels on the way back, so that every element is summed in one order whatever their
// number. Elsewhere the same points go through grid_sampler.
#include "Handle.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

using lt::guarded;

// libgomp's pool, which libtorch computes on; Swift's clang emits no OpenMP.
extern "C" void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern "C" int omp_get_thread_num(void);
extern "C" int omp_get_num_threads(void);

namespace {

// body(begin, end) on shares of 0 ..< count that begin at multiples of `grain`; body must not throw.
template <typename Body>
void parallel(int64_t count, int64_t grain, const Body &body) {
    const int64_t blocks = (count + grain - 1) / grain;
    const int64_t threads = std::min<int64_t>(at::get_num_threads(), blocks);
    if (threads <= 1) {
        if (count > 0) body(int64_t{0}, count);
        return;
    }
    struct Region {
        const Body &body;
        int64_t count, grain, blocks, shares;
    } region = {body, count, grain, blocks, threads};
    GOMP_parallel(
        [](void *data) {
            const Region &own = *static_cast<Region *>(data);
            // The team may be smaller than asked for.
            for (int64_t i = omp_get_thread_num(); i < own.shares; i += omp_get_num_threads()) {
                const int64_t begin = own.blocks * i / own.shares * own.grain;
                const int64_t end = std::min(own.count, own.blocks * (i + 1) / own.shares * own.grain);
                if (begin < end) own.body(begin, end);
            }
        },
        &region, static_cast<unsigned>(threads), 0);
}

// What is cut from where; kept as long as a graph may still go backward.
struct Regions : torch::CustomClassHolder {
    std::vector<float> boxes;     // image, x1, y1, x2, y2 of each
    std::vector<int32_t> levels;  // of each
    std::vector<double> scales;   // of each level: elements per pixel
    std::vector<std::vector<int64_t>> dims;
    int64_t height = 0, width = 0, samples = 0;
    bool aligned = false;

    int64_t count() const { return static_cast<int64_t>(levels.size()); }
    int64_t bins() const { return height * width; }
};

// Two neighbours on an axis and their weights; both weights are 0 for a point outside.
template <typename T>
struct Tap {
    int64_t low, high;
    T low_weight, high_weight;
};

// The points of a region along one axis.
template <typename T>
struct Axis {
    T start, step;
    int64_t grid;  // points in each bin

    Axis(float from, float to, double scale, bool aligned, int64_t bins, int64_t samples) {
        const T offset = aligned ? T(0.5) : T(0);
        start = static_cast<T>(from) * static_cast<T>(scale) - offset;
        T extent = static_cast<T>(to) * static_cast<T>(scale) - offset - start;
        if (!aligned) extent = std::max(extent, T(1));
        step = extent / static_cast<T>(bins);
        grid = samples > 0 ? samples : std::max<int64_t>(0, static_cast<int64_t>(std::ceil(step)));
    }
    T point(int64_t bin, int64_t at) const {
        return start + static_cast<T>(bin) * step + (static_cast<T>(at) + T(0.5)) * step / static_cast<T>(grid);
    }
    void taps(int64_t bins, int64_t size, std::vector<Tap<T>> &taps) const {
        taps.clear();
        for (int64_t bin = 0; bin < bins; bin++)
            for (int64_t at = 0; at < grid; at++) {
                T x = point(bin, at);
                if (!(x >= -1 && x <= static_cast<T>(size))) {
                    taps.push_back({0, 0, 0, 0});
                    continue;
                }
                x = std::max(x, T(0));
                const auto low = static_cast<int64_t>(x);
                if (low >= size - 1) {
                    taps.push_back({size - 1, size - 1, 1, 0});
                } else {
                    const T rest = x - static_cast<T>(low);
                    taps.push_back({low, low + 1, 1 - rest, rest});
                }
            }
    }
};

// sum[i] += Σ_k w[k] · p[k][i], and its reverse p[k][i] += w[k] · g[i].
#define LT_BLEND(NAME, T, TARGET)                                                                           \
    TARGET void NAME(T *__restrict sum, const T *const *p, const T *w, int64_t n) {                         \
        const T *__restrict a = p[0], *__restrict b = p[1], *__restrict c = p[2], *__restrict d = p[3];     \
        const T wa = w[0], wb = w[1], wc = w[2], wd = w[3];                                                 \
        for (int64_t i = 0; i < n; i++) sum[i] += wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];            \
    }
#define LT_SPREAD(NAME, T, TARGET)                                                                          \
    TARGET void NAME(T *const *p, const T *w, const T *__restrict g, int64_t n) {                           \
        for (int k = 0; k < 4; k++) {                                                                       \
            T *__restrict to = p[k];                                                                        \
            const T weight = w[k];                                                                          \
            if (weight == 0) continue;                                                                      \
            for (int64_t i = 0; i < n; i++) to[i] += weight * g[i];                                         \
        }                                                                                                   \
    }
LT_BLEND(blend, float, )
LT_BLEND(blend, double, )
LT_SPREAD(spread, float, )
LT_SPREAD(spread, double, )
#if defined(__x86_64__)
LT_BLEND(blend_avx2, float, __attribute__((target("avx2,fma"))))
LT_SPREAD(spread_avx2, float, __attribute__((target("avx2,fma"))))
#endif

template <typename T>
struct Arithmetic {
    void (*blend)(T *, const T *const *, const T *, int64_t) = ::blend;
    void (*spread)(T *const *, const T *, const T *, int64_t) = ::spread;
};
Arithmetic<float> arithmetic(float) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {blend_avx2, spread_avx2};
#endif
    return {};
}
Arithmetic<double> arithmetic(double) { return {}; }

// Calls sample(bin, y, x, points) for every point of a region: its taps and the number of points in its bin.
template <typename T, typename Sample>
void each_sample(const Regions &regions, int64_t row, std::vector<Tap<T>> &ys, std::vector<Tap<T>> &xs,
                 const Sample &sample) {
    const float *box = &regions.boxes[static_cast<size_t>(5 * row)];
    const auto level = static_cast<size_t>(regions.levels[static_cast<size_t>(row)]);
    const auto &dims = regions.dims[level];
    const double scale = regions.scales[level];
    const Axis<T> y(box[2], box[4], scale, regions.aligned, regions.height, regions.samples);
    const Axis<T> x(box[1], box[3], scale, regions.aligned, regions.width, regions.samples);
    y.taps(regions.height, dims[2], ys);
    x.taps(regions.width, dims[3], xs);
    const int64_t points = std::max<int64_t>(y.grid * x.grid, 1);
    for (int64_t bin_y = 0; bin_y < regions.height; bin_y++)
        for (int64_t bin_x = 0; bin_x < regions.width; bin_x++)
            for (int64_t iy = 0; iy < y.grid; iy++)
                for (int64_t ix = 0; ix < x.grid; ix++)
                    sample(bin_y * regions.width + bin_x, ys[static_cast<size_t>(bin_y * y.grid + iy)],
                           xs[static_cast<size_t>(bin_x * x.grid + ix)], points);
}

// The four elements around a point in a map with channels innermost, and their weights.
template <typename T>
void corners(const Tap<T> &y, const Tap<T> &x, T *image, int64_t width, int64_t channels, T **p, T *w) {
    p[0] = image + (y.low * width + x.low) * channels;
    p[1] = image + (y.low * width + x.high) * channels;
    p[2] = image + (y.high * width + x.low) * channels;
    p[3] = image + (y.high * width + x.high) * channels;
    w[0] = y.low_weight * x.low_weight;
    w[1] = y.low_weight * x.high_weight;
    w[2] = y.high_weight * x.low_weight;
    w[3] = y.high_weight * x.high_weight;
}

template <typename T>
T *first_of_image(const Regions &regions, int64_t row, const std::vector<at::Tensor> &maps) {
    const auto level = static_cast<size_t>(regions.levels[static_cast<size_t>(row)]);
    const auto &dims = regions.dims[level];
    const auto image = static_cast<int64_t>(regions.boxes[static_cast<size_t>(5 * row)]);
    return maps[level].data_ptr<T>() + image * dims[1] * dims[2] * dims[3];
}

template <typename T>
void forward_kernel(const Regions &regions, const std::vector<at::Tensor> &maps, const at::Tensor &result) {
    const int64_t channels = result.size(1), bins = regions.bins();
    T *out = result.data_ptr<T>();
    const auto run = arithmetic(T());
    parallel(regions.count(), 1, [&](int64_t begin, int64_t end) {
        std::vector<Tap<T>> ys, xs;
        std::vector<T> sums(static_cast<size_t>(bins * channels));
        for (int64_t row = begin; row < end; row++) {
            T *image = first_of_image<T>(regions, row, maps);
            const int64_t width = regions.dims[static_cast<size_t>(regions.levels[static_cast<size_t>(row)])][3];
            std::fill(sums.begin(), sums.end(), T(0));
            int64_t count = 1;
            each_sample<T>(regions, row, ys, xs, [&](int64_t bin, const Tap<T> &y, const Tap<T> &x, int64_t points) {
                T *p[4], w[4];
                corners(y, x, image, width, channels, p, w);
                run.blend(&sums[static_cast<size_t>(bin * channels)], p, w, channels);
                count = points;
            });
            T *to = out + row * channels * bins;
            for (int64_t c = 0; c < channels; c++)
                for (int64_t bin = 0; bin < bins; bin++)
                    to[c * bins + bin] = sums[static_cast<size_t>(bin * channels + c)] / static_cast<T>(count);
        }
    });
}

template <typename T>
void backward_kernel(const Regions &regions, const at::Tensor &gradient, const std::vector<at::Tensor> &maps) {
    const int64_t channels = gradient.size(1), bins = regions.bins();
    const T *from = gradient.data_ptr<T>();
    const auto run = arithmetic(T());
    parallel(channels, 16, [&](int64_t begin, int64_t end) {
        const int64_t own = end - begin;
        std::vector<Tap<T>> ys, xs;
        std::vector<T> share(static_cast<size_t>(bins * own));
        for (int64_t row = 0; row < regions.count(); row++) {
            T *image = first_of_image<T>(regions, row, maps) + begin;
            const int64_t width = regions.dims[static_cast<size_t>(regions.levels[static_cast<size_t>(row)])][3];
            for (int64_t c = 0; c < own; c++)
                for (int64_t bin = 0; bin < bins; bin++)
                    share[static_cast<size_t>(bin * own + c)] = from[(row * channels + begin + c) * bins + bin];
            each_sample<T>(regions, row, ys, xs, [&](int64_t bin, const Tap<T> &y, const Tap<T> &x, int64_t points) {
                T *p[4], w[4];
                corners(y, x, image, width, channels, p, w);
                for (T &weight : w) weight /= static_cast<T>(points);
                run.spread(p, w, &share[static_cast<size_t>(bin * own)], own);
            });
        }
    });
}

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

struct RoIAlign : torch::autograd::Function<RoIAlign> {
    static Variable forward(AutogradContext *ctx, at::TensorList levels, c10::intrusive_ptr<Regions> regions) {
        std::vector<at::Tensor> maps;
        for (const auto &level : levels) maps.push_back(level.contiguous(at::MemoryFormat::ChannelsLast));
        const auto result =
            at::empty({regions->count(), levels[0].size(1), regions->height, regions->width}, levels[0].options());
        if (result.scalar_type() == at::kDouble)
            forward_kernel<double>(*regions, maps, result);
        else
            forward_kernel<float>(*regions, maps, result);
        ctx->saved_data["regions"] = c10::IValue::make_capsule(regions);
        return result;
    }

    static variable_list backward(AutogradContext *ctx, variable_list gradients) {
        const auto regions = c10::static_intrusive_pointer_cast<Regions>(ctx->saved_data["regions"].toCapsule());
        const auto gradient = gradients[0].contiguous();
        variable_list maps;
        for (const auto &dims : regions->dims)
            maps.push_back(at::empty(dims, gradient.options(), at::MemoryFormat::ChannelsLast).zero_());
        if (gradient.scalar_type() == at::kDouble)
            backward_kernel<double>(*regions, gradient, maps);
        else
            backward_kernel<float>(*regions, gradient, maps);
        maps.push_back(Variable());
        return maps;
    }
};

// The same sums by grid_sampler: regions of one image and level that have as many points go through it together.
at::Tensor composed(const std::vector<at::Tensor> &levels, const Regions &regions) {
    struct Group {
        std::vector<int64_t> rows;
        std::vector<double> ys, xs;  // −1 … 1 from the first element to the last
        std::vector<double> y_inside, x_inside;
    };
    std::map<std::vector<int64_t>, Group> groups;
    for (int64_t row = 0; row < regions.count(); row++) {
        const float *box = &regions.boxes[static_cast<size_t>(5 * row)];
        const int32_t level = regions.levels[static_cast<size_t>(row)];
        const auto &dims = regions.dims[static_cast<size_t>(level)];
        const double scale = regions.scales[static_cast<size_t>(level)];
        const Axis<double> y(box[2], box[4], scale, regions.aligned, regions.height, regions.samples);
        const Axis<double> x(box[1], box[3], scale, regions.aligned, regions.width, regions.samples);
        auto &group = groups[{level, static_cast<int64_t>(box[0]), y.grid, x.grid}];
        group.rows.push_back(row);
        const auto collect = [](const Axis<double> &axis, int64_t bins, int64_t size, std::vector<double> &places,
                                std::vector<double> &inside) {
            for (int64_t bin = 0; bin < bins; bin++)
                for (int64_t at = 0; at < axis.grid; at++) {
                    const double point = axis.point(bin, at);
                    inside.push_back(point >= -1 && point <= static_cast<double>(size) ? 1 : 0);
                    const double last = static_cast<double>(size - 1);
                    const double clamped = std::min(std::max(point, 0.0), last);
                    places.push_back(size > 1 ? 2 * clamped / last - 1 : 0);
                }
        };
        collect(y, regions.height, dims[2], group.ys, group.y_inside);
        collect(x, regions.width, dims[3], group.xs, group.x_inside);
    }
    const auto &options = levels[0].options();
    const auto on_device = [&](const std::vector<double> &values, at::IntArrayRef dims) {
        return at::tensor(values, at::kDouble).view(dims).to(options);
    };
    std::vector<at::Tensor> parts;
    std::vector<int64_t> order(static_cast<size_t>(regions.count()));
    int64_t done = 0;
    const int64_t channels = levels[0].size(1);
    for (const auto &[key, group] : groups) {
        const auto count = static_cast<int64_t>(group.rows.size());
        for (int64_t row : group.rows) order[static_cast<size_t>(row)] = done++;
        const int64_t rows = regions.height * key[2], columns = regions.width * key[3];
        if (rows == 0 || columns == 0) {
            parts.push_back(at::zeros({count, channels, regions.height, regions.width}, options));
            continue;
        }
        const auto ys = on_device(group.ys, {count, rows, 1}).expand({count, rows, columns});
        const auto xs = on_device(group.xs, {count, 1, columns}).expand({count, rows, columns});
        const auto grid = at::stack({xs, ys}, 3).view({1, count * rows, columns, 2});
        // 0: bilinear; 1: what lies beyond the edge is as at the edge.
        auto points = at::grid_sampler(levels[static_cast<size_t>(key[0])].narrow(0, key[1], 1), grid, 0, 1, true)
                          .view({channels, count, rows, columns});
        points = points * (on_device(group.y_inside, {count, rows, 1}) * on_device(group.x_inside, {count, 1, columns}));
        parts.push_back(points.view({channels, count, regions.height, key[2], regions.width, key[3]})
                            .mean(at::IntArrayRef({3, 5}))
                            .transpose(0, 1));
    }
    return at::cat(parts).index_select(0, at::tensor(order, at::kLong).to(levels[0].device()));
}

}  // namespace

extern "C" int32_t lt_torch_roi_align(lt_torch_tensor *const *levels, const double *scales, int32_t level_count,
                                      const float *boxes, const int32_t *box_levels, int64_t box_count,
                                      int64_t height, int64_t width, int64_t samples, int32_t aligned,
                                      int32_t composed_only, lt_torch_tensor **result) {
    return guarded([&] {
        if (level_count < 1) throw std::runtime_error("no feature maps");
        std::vector<at::Tensor> maps;
        auto regions = c10::make_intrusive<Regions>();
        for (int32_t i = 0; i < level_count; i++) {
            auto map = levels[i]->value;
            if (map.dim() != 4 || map.size(1) != levels[0]->value.size(1) || map.size(2) < 1 || map.size(3) < 1)
                throw std::runtime_error("feature maps must be [N, C, h, w] with the same channels");
            maps.push_back(map.scalar_type() == at::kDouble ? map : map.to(at::kFloat));
            regions->dims.push_back(map.sizes().vec());
            regions->scales.push_back(scales[i]);
        }
        for (int64_t i = 0; i < box_count; i++) {
            const float *box = boxes + 5 * i;
            if (box_levels[i] < 0 || box_levels[i] >= level_count)
                throw std::runtime_error("region " + std::to_string(i) + " is of level " + std::to_string(box_levels[i]));
            const auto images = regions->dims[static_cast<size_t>(box_levels[i])][0];
            if (!(box[0] >= 0 && box[0] < static_cast<float>(images)))
                throw std::runtime_error("region " + std::to_string(i) + " is of image " + std::to_string(box[0]));
            for (int k = 1; k < 5; k++)
                if (!(std::abs(box[k]) <= 1 << 20))
                    throw std::runtime_error("region " + std::to_string(i) + " has the coordinate " +
                                             std::to_string(box[k]));
        }
        regions->boxes.assign(boxes, boxes + 5 * box_count);
        regions->levels.assign(box_levels, box_levels + box_count);
        regions->height = height;
        regions->width = width;
        regions->samples = samples;
        regions->aligned = aligned != 0;
        if (box_count == 0) {
            // Nothing is cut, but the maps stay part of the graph.
            auto none = maps[0].new_zeros({0, maps[0].size(1), height, width});
            *result = new lt_torch_tensor{none + maps[0].narrow(0, 0, 0).sum() * 0};
            return;
        }
        const bool kernel = !composed_only && maps[0].device().is_cpu();
        *result = new lt_torch_tensor{kernel ? RoIAlign::apply(at::TensorList(maps), regions)
                                             : composed(maps, *regions)};
    });
}
