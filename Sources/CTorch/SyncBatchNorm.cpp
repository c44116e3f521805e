// Batch normalisation over the batch of several processes: mean and variance come from sums over all of them, and so do
// the two sums that the gradient needs. With S1 = Σ dy, S2 = Σ dy·x̂ over all N elements of a channel,
// dx = w/σ · (dy − S1/N − x̂·S2/N). Ioffe & Szegedy, arXiv:1502.03167, §3.
#include "Handle.h"

#include <torch/csrc/autograd/custom_function.h>

#include <vector>

using lt::guarded;

namespace {

// The caller's sum, kept as long as a graph may still go backward.
struct Reducer : torch::CustomClassHolder {
    explicit Reducer(lt_torch_reducer own) : own(own) {}
    ~Reducer() override { own.release(own.context); }

    // Sums float64 values over the processes.
    at::Tensor sum(const at::Tensor &local) const {
        auto host = local.to(at::TensorOptions().device(at::kCPU).dtype(at::kDouble), false, true).contiguous();
        if (own.sum(own.context, host.data_ptr<double>(), host.numel()))
            throw std::runtime_error("the sum over processes failed");
        return host.to(local.device());
    }
    lt_torch_reducer own;
};

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

std::vector<int64_t> all_but_channels(const at::Tensor &x) {
    std::vector<int64_t> axes;
    for (int64_t axis = 0; axis < x.dim(); axis++)
        if (axis != 1) axes.push_back(axis);
    return axes;
}

// [C] to the rank of x, in its type.
at::Tensor along_channels(const at::Tensor &values, const at::Tensor &x) {
    std::vector<int64_t> dims(static_cast<size_t>(x.dim()), 1);
    dims[1] = values.numel();
    return values.to(x.scalar_type()).view(dims);
}

struct SyncBatchNorm : torch::autograd::Function<SyncBatchNorm> {
    static Variable forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor &bias, const at::Tensor &running_mean, const at::Tensor &running_var,
                            double momentum, double epsilon, c10::intrusive_ptr<Reducer> reducer) {
        const int64_t channels = x.size(1);
        const double local_count = channels > 0 ? static_cast<double>(x.numel() / channels) : 0;
        auto [var, mean] = at::var_mean(x, at::IntArrayRef(all_but_channels(x)), /*unbiased=*/false, /*keepdim=*/false);
        const auto local_mean = mean.to(at::kDouble);
        const auto sums =
            reducer->sum(at::cat({local_mean * local_count, at::full({1}, local_count, local_mean.options())}));
        const double count = sums[channels].item<double>();
        mean = sums.slice(0, 0, channels) / count;
        // Around the common mean: nothing cancels.
        const auto apart = local_mean - mean;
        var = reducer->sum((var.to(at::kDouble) + apart * apart) * local_count) / count;
        const auto inverse = (var + epsilon).rsqrt();
        running_mean.mul_(1 - momentum).add_(mean.to(running_mean.scalar_type()), momentum);
        running_var.mul_(1 - momentum)
            .add_((var * (count / std::max(1.0, count - 1))).to(running_var.scalar_type()), momentum);
        ctx->save_for_backward({x, weight, mean, inverse});
        ctx->saved_data["count"] = count;
        ctx->saved_data["reducer"] = c10::IValue::make_capsule(reducer);
        return (x - along_channels(mean, x)) * along_channels(inverse * weight.to(at::kDouble), x) +
               along_channels(bias, x);
    }

    static variable_list backward(AutogradContext *ctx, variable_list gradients) {
        const auto saved = ctx->get_saved_variables();
        const auto &x = saved[0], &weight = saved[1], &mean = saved[2], &inverse = saved[3];
        const double count = ctx->saved_data["count"].toDouble();
        const auto reducer = c10::static_intrusive_pointer_cast<Reducer>(ctx->saved_data["reducer"].toCapsule());
        const auto &dy = gradients[0];
        const auto axes = all_but_channels(x);
        const auto normal = (x - along_channels(mean, x)) * along_channels(inverse, x);
        const auto shift = dy.sum(at::IntArrayRef(axes));
        const auto scale = (dy * normal).sum(at::IntArrayRef(axes));
        const int64_t channels = x.size(1);
        const auto sums = reducer->sum(at::cat({shift.to(at::kDouble), scale.to(at::kDouble)})) / count;
        const auto dx = (dy - along_channels(sums.slice(0, 0, channels), x) -
                         normal * along_channels(sums.slice(0, channels), x)) *
                        along_channels(inverse * weight.to(at::kDouble), x);
        return {dx,        scale.to(weight.scalar_type()), shift.to(weight.scalar_type()), Variable(), Variable(),
                Variable(), Variable(), Variable()};
    }
};

}  // namespace

extern "C" int32_t lt_torch_sync_batch_norm(lt_torch_tensor *x, lt_torch_tensor *weight, lt_torch_tensor *bias,
                                            lt_torch_tensor *running_mean, lt_torch_tensor *running_var,
                                            double momentum, double epsilon, lt_torch_reducer reducer,
                                            lt_torch_tensor **result) {
    return guarded([&] {
        auto kept = c10::make_intrusive<Reducer>(reducer);
        *result = new lt_torch_tensor{SyncBatchNorm::apply(x->value, weight->value, bias->value, running_mean->value,
                                                           running_var->value, momentum, epsilon, kept)};
    });
}
