// SPDX-License-Identifier: Apache-2.0
/*
 * Has somebody else had a hand in what collects? Maps that only the programs write are frozen: no
 * process can change them, we neither. The rest is looked at with every heartbeat and put right.
 */
#include "capture/loader_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int kernel_seal_maps(struct kernel *k)
{
	struct bpf_map *maps[] = { k->skel->maps.counters, k->skel->maps.scratches,
				   k->skel->maps.folds, k->skel->maps.shares };

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		if (bpf_map_freeze(bpf_map__fd(maps[i])) && !k->source.info.taken_up)
			return -errno;
	}
	return 0;
}

/* --- links ---------------------------------------------------------------------------------------
 */

int kernel_ask_link(struct bpf_link *link, uint32_t *ret_link, uint32_t *ret_program)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &len))
		return -errno;
	*ret_link = info.id;
	*ret_program = info.prog_id;
	return 0;
}

void kernel_guard_links(struct kernel *k)
{
	struct bpf_object_skeleton *s = k->skel->skeleton;

	for (int i = 0; i < s->prog_cnt && k->guarded_count < GUARDED; i++) {
		struct guarded *g = &k->guarded[k->guarded_count];

		if (!*s->progs[i].link)
			continue;
		*g = (struct guarded){ .link = s->progs[i].link, .program = *s->progs[i].prog };
		if (!kernel_ask_link(*g->link, &g->link_id, &g->program_id))
			k->guarded_count++;
	}
}

/* A descriptor that is not the link's any more may be that of something else: it stays open. */
static int attach_again(struct kernel *k, struct guarded *g, bool is_ours)
{
	struct bpf_link *link = kernel_attach_pinned(k, g->program);

	if (!link)
		return -errno;
	if (!is_ours)
		bpf_link__disconnect(*g->link);
	bpf_link__destroy(*g->link);
	*g->link = link;
	return kernel_ask_link(link, &g->link_id, &g->program_id);
}

static bool check_link(struct kernel *k, struct guarded *g, struct source_trouble *ret)
{
	uint32_t link = 0, program = 0;
	bool was_gone = g->gone,
	     is_ours = !kernel_ask_link(*g->link, &link, &program) && link == g->link_id;
	int err;

	if (is_ours && program == g->program_id)
		return false;
	err = attach_again(k, g, is_ours);
	g->gone = err != 0;
	if (was_gone)
		return false; /* was told */
	*ret = (struct source_trouble){ .harm = is_ours ? HARM_PROGRAM : HARM_LINK, .result = err };
	snprintf(ret->name, sizeof(ret->name), "%s", bpf_program__name(g->program));
	return true;
}

/* Told once: where the library was is not remembered. */
static bool check_probe(struct login_probes *p, size_t i, struct source_trouble *ret)
{
	uint32_t link = 0, program = 0;

	if (!p->link_ids[i] ||
	    (!kernel_ask_link(p->links[i], &link, &program) && link == p->link_ids[i]))
		return false;
	p->link_ids[i] = 0;
	bpf_link__disconnect(p->links[i]);
	*ret = (struct source_trouble){ HARM_LINK, "login", -ENOLINK };
	return true;
}

/* --- all of it -----------------------------------------------------------------------------------
 */

static bool check_ring(struct kernel *k, int ring, struct source_trouble *ret)
{
	static const char *const names[RINGS] = { "main", "credential", "self" };

	if (!ring_guard(&k->rings[ring]))
		return false;
	*ret = (struct source_trouble){ .harm = HARM_RING };
	snprintf(ret->name, sizeof(ret->name), "%s", names[ring]);
	return true;
}

static bool check_settings(struct kernel *k, struct source_trouble *ret)
{
	bool is_keeper = k->skel->bss->keeper_pid == k->keeper_pid;

	if (is_keeper && k->skel->bss->self_pid == getpid())
		return false;
	k->skel->bss->keeper_pid = k->keeper_pid;
	k->skel->bss->self_pid = getpid();
	*ret = (struct source_trouble){ .harm = HARM_SETTINGS };
	snprintf(ret->name, sizeof(ret->name), "%s", is_keeper ? "self_pid" : "keeper_pid");
	return true;
}

size_t kernel_check(struct source *source, struct source_trouble *to, size_t room)
{
	struct kernel *k = (struct kernel *)source;
	size_t n = 0;

	for (int i = 0; i < RINGS && n < room; i++)
		n += check_ring(k, i, &to[n]);
	if (n < room)
		n += check_settings(k, &to[n]);
	if (n < room)
		n += kernel_check_policy(k, &to[n]);
	for (size_t i = 0; i < k->guarded_count && n < room; i++)
		n += check_link(k, &k->guarded[i], &to[n]);
	for (size_t i = 0; i < k->login.link_count && n < room; i++)
		n += check_probe(&k->login, i, &to[n]);
	if (n)
		kernel_harden(k); /* what was put right is ours as well */
	return n;
}
