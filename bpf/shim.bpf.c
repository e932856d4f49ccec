// SPDX-License-Identifier: Apache-2.0
//
// The XDP shim: hands every frame of a data interface to the worker of its receive queue, or drops it.
//
// It decides nothing about policy. A frame reaches the kernel's own stack on no path: without a worker, or with
// a worker that went silent, the frame is dropped and counted. One copy is loaded a port, so `xsks` and `drops`
// belong to that port; `heartbeat` is common to all ports of one dataplane process.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define QUEUES_MAX 64

// A worker that has not written its slot for this long is taken for dead.
#define SILENCE_NS_MAX 80000000ULL

enum drop_reason {
	DROP_NO_WORKER,
	DROP_STALE_HEARTBEAT,
	DROP_REASONS,
};

struct beat {
	__u64 monotonic_ns;
	__u64 pad[7]; // one cache line a worker
};

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, QUEUES_MAX);
	__type(key, __u32);
	__type(value, struct beat);
} heartbeat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DROP_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

static __always_inline int drop(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&drops, &reason);

	if (count)
		*count += 1;
	return XDP_DROP;
}

#ifdef SHORT_FRAMES
SEC("xdp")
#else
SEC("xdp.frags")
#endif
int shim(struct xdp_md *ctx)
{
	__u32 queue = ctx->rx_queue_index;
	struct beat *beat;
	__u64 now, last;

	if (!bpf_map_lookup_elem(&xsks, &queue))
		return drop(DROP_NO_WORKER);
	beat = bpf_map_lookup_elem(&heartbeat, &queue);
	if (!beat)
		return drop(DROP_NO_WORKER);
	last = *(volatile __u64 *)&beat->monotonic_ns;
	now = bpf_ktime_get_ns();
	// A beat written after `now` was read is fresh, not ancient.
	if (now > last && now - last > SILENCE_NS_MAX)
		return drop(DROP_STALE_HEARTBEAT);
	return bpf_redirect_map(&xsks, queue, XDP_DROP);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
