// SPDX-License-Identifier: Apache-2.0
/* The object set: programs on the kernel's functions, beside those on tracepoints. */
#include "capture/loader_kernel.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "sees_" /* of the names of its programs */

/* As an LSM program on a hook, or at the entry of the function that asks the LSMs. The programs are
 * compiled as the former. */
static int place(struct bpf_program *program, const char *hook, enum function_hooks hooks)
{
	char function[64];
	int err;

	if (hooks == FUNCTIONS_LSM)
		return 0;
	snprintf(function, sizeof(function), "security_%s", hook);
	err = bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
	if (!err)
		err = bpf_program__set_expected_attach_type(program, BPF_TRACE_FENTRY);
	return err ? err : bpf_program__set_attach_target(program, 0, function);
}

static bool fires(enum function_hooks hooks)
{
	struct functions *skel = functions__open();
	bool answer = false;
	int fd;

	if (!skel)
		return false;
	skel->rodata->self_pid = getpid();
	if (place(skel->progs.watch, "file_open", hooks) || functions__load(skel))
		goto out;
	skel->links.watch = hooks == FUNCTIONS_LSM ? bpf_program__attach_lsm(skel->progs.watch)
						   : bpf_program__attach_trace(skel->progs.watch);
	fd = skel->links.watch ? open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0)
		close(fd);
	answer = skel->bss->fired;
out:
	functions__destroy(skel);
	return answer;
}

bool kernel_asks_programs(void)
{
	return fires(FUNCTIONS_LSM);
}

enum function_hooks kernel_function_hooks(void)
{
	if (kernel_asks_programs())
		return FUNCTIONS_LSM;
	return fires(FUNCTIONS_FENTRY) ? FUNCTIONS_FENTRY : FUNCTIONS_NONE;
}

static bool has_function(const struct btf *kernel, const char *prefix, const char *name)
{
	char function[64];

	snprintf(function, sizeof(function), "%s%s", prefix, name);
	return kernel && btf__find_by_name_kind(kernel, function, BTF_KIND_FUNC) > 0;
}

/* Programs are named in their sections: "lsm/HOOK", or "fentry/FUNCTION" for what has no hook. */
void kernel_choose_object_set(struct collect *skel, const struct btf *kernel,
			      enum function_hooks hooks)
{
	struct bpf_program *program;

	skel->rodata->object_set = hooks != FUNCTIONS_NONE;
	bpf_object__for_each_program(program, skel->obj)
	{
		const char *section = bpf_program__section_name(program);
		const char *name = strchr(section, '/');
		bool wanted = hooks != FUNCTIONS_NONE;

		if (!kernel_is_of_object_set(program))
			continue;
		name = name ? name + 1 : "";
		if (strncmp(section, "lsm/", 4) != 0)
			wanted = wanted && has_function(kernel, "", name);
		else if (wanted)
			wanted = has_function(kernel,
					      hooks == FUNCTIONS_LSM ? "bpf_lsm_" : "security_",
					      name) &&
				 place(program, name, hooks) == 0;
		bpf_program__set_autoload(program, wanted);
	}
}

bool kernel_is_of_object_set(const struct bpf_program *program)
{
	return strncmp(bpf_program__name(program), PREFIX, strlen(PREFIX)) == 0;
}

struct bpf_link *kernel_attach(const struct bpf_program *program)
{
	return kernel_is_of_object_set(program) &&
			       bpf_program__type(program) == BPF_PROG_TYPE_TRACING
		       ? bpf_program__attach_trace(program)
		       : bpf_program__attach(program);
}
