// SPDX-License-Identifier: Apache-2.0
/* run --harden: what is ours, told to the programs that refuse it to others (bpf/harden.h). */
#include "capture/loader_kernel.h"

#include <errno.h>
#include <string.h>

#define PREFIX "harden_" /* of the names of its programs */

void kernel_choose_harden(struct collect *skel, bool harden)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skel->obj)
	{
		if (strncmp(bpf_program__name(program), PREFIX, strlen(PREFIX)) == 0)
			bpf_program__set_autoload(program, harden);
	}
}

static int own(struct kernel *k, enum own_kind kind, uint32_t id)
{
	struct own_object key = { .kind = kind, .id = id };
	uint8_t yes = 1;

	return bpf_map_update_elem(bpf_map__fd(k->skel->maps.own_objects), &key, &yes, BPF_ANY)
		       ? -errno
		       : 0;
}

static int own_maps(struct kernel *k)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, k->skel->obj)
	{
		struct bpf_map_info info = { 0 };
		__u32 len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &len) && !err)
			err = own(k, OWN_MAP, info.id);
	}
	return err;
}

static int own_programs(struct kernel *k)
{
	struct bpf_program *program;
	int err = 0;

	bpf_object__for_each_program(program, k->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (bpf_program__autoload(program) && !err &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			err = own(k, OWN_PROGRAM, info.id);
	}
	return err;
}

static int own_links(struct kernel *k)
{
	int err = 0;

	for (size_t i = 0; i < k->guarded_count && !err; i++)
		err = own(k, OWN_LINK, k->guarded[i].link_id);
	for (size_t i = 0; i < k->login.link_count && !err; i++)
		err = own(k, OWN_LINK, k->login.link_ids[i]);
	return err;
}

int kernel_harden(struct kernel *k)
{
	int err = 0;

	if (!k->harden)
		return 0;
	if (!k->skel->bss->hardened) {
		err = own_maps(k);
		if (!err)
			err = own_programs(k);
	}
	if (!err)
		err = own_links(k);
	k->skel->bss->hardened = 1;
	return err;
}
