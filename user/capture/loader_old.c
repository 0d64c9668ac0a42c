// SPDX-License-Identifier: Apache-2.0
/* Kernels before 5.15: what takes the place of what came with that one or on the way to it. */
#include "capture/loader_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define MEMBERS 65536

/* The newest helper that the other two objects call. */
bool kernel_is_old(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_task_pt_regs, NULL) ==
	       0;
}

/* Not called; but whoever lacks it lacks programs that are run on demand (5.10) as well. */
bool kernel_is_too_old(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_this_cpu_ptr, NULL) ==
	       0;
}

void kernel_choose_old(struct collect *skel, bool old, bool has_tree)
{
	struct bpf_map *watched[] = { skel->maps.seen_first, skel->maps.seen_second,
				      skel->maps.seen_names };

	bpf_program__set_autoload(skel->progs.task_ends, old);
	bpf_program__set_autoload(skel->progs.mark_members, old && has_tree);
	if (!old)
		return;
	bpf_program__set_autoload(skel->progs.pam_asked, false);
	bpf_program__set_autoload(skel->progs.pam_answered, false);
	bpf_map__set_max_entries(skel->maps.members, has_tree ? MEMBERS : 1);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
		bpf_map__set_max_entries(watched[i], 1); /* of the object set: of no use here */
}

/* As the programs of that tracepoint are called: (data, ring, request, operation, ...). */
bool kernel_shows_requests(const struct btf *kernel)
{
	int id = kernel ? btf__find_by_name_kind(kernel, "btf_trace_io_uring_submit_sqe",
						 BTF_KIND_TYPEDEF)
			: -ENOENT;
	const struct btf_type *type = id > 0 ? btf__type_by_id(kernel, (__u32)id) : NULL;

	if (type)
		type = btf__type_by_id(kernel, type->type);
	if (type && btf_is_ptr(type))
		type = btf__type_by_id(kernel, type->type);
	if (!type || !btf_is_func_proto(type) || btf_vlen(type) < 4)
		return false;
	id = btf__resolve_type(kernel, btf_params(type)[2].type);
	return id > 0 && btf_is_ptr(btf__type_by_id(kernel, (__u32)id)) &&
	       btf__resolve_size(kernel, btf_params(type)[3].type) == 1;
}

struct bpf_program *kernel_login_program(struct kernel *k, int action, bool at_return)
{
	char name[32];

	if (!k->old)
		return at_return ? k->skel->progs.pam_answered : k->skel->progs.pam_asked;
	snprintf(name, sizeof(name), "pam_%s_%d", at_return ? "answered" : "asked", action);
	return bpf_object__find_program_by_name(k->skel->obj, name);
}

int kernel_mark_old(struct kernel *k)
{
	struct bpf_link *link = bpf_program__attach_iter(k->skel->progs.mark_members, NULL);
	ssize_t marked = 0;
	int fd, err = 0;

	if (!link)
		return -errno;
	do { /* until a whole pass finds nobody new */
		char found[4096];
		ssize_t n;

		fd = bpf_iter_create(bpf_link__fd(link));
		if (fd < 0) {
			err = -errno;
			break;
		}
		for (marked = 0; (n = read(fd, found, sizeof(found))) > 0;)
			marked += n;
		err = n < 0 ? -errno : 0;
		close(fd);
	} while (!err && marked);
	bpf_link__destroy(link);
	return err;
}
