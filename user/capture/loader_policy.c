// SPDX-License-Identifier: Apache-2.0
/* A policy into the maps that the programs look it up in, and the counts of what they folded. */
#include "capture/loader_kernel.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "capture/policy.h"

/* --- what names lead to --------------------------------------------------------------------------
 */

static void watch_file(struct kernel *k, uint32_t slot, const struct policy_place *place,
		       const char *path)
{
	int map = bpf_map__fd(k->skel->maps.policy_inodes);
	struct policy_inode_key key = { .slot = slot };
	struct policy_inode value = { 0 };
	struct stat st;

	if (stat(path, &st))
		return; /* the name is watched, and this is done again every minute */
	key.inode = st.st_ino;
	key.device = major(st.st_dev) << 20 | minor(st.st_dev); /* as the kernel has it */
	bpf_map_lookup_elem(map, &key, &value);
	value.reads |= place->reads;
	value.writes |= place->writes;
	bpf_map_update_elem(map, &key, &value, BPF_ANY);
}

static void watch_below(struct kernel *k, uint32_t slot, const struct policy_place *place,
			const char *directory)
{
	char path[PATH_MAX];
	glob_t found;

	snprintf(path, sizeof(path), "%s%s", directory, place->suffix);
	if (!strchr(place->suffix, '*')) {
		watch_file(k, slot, place, path);
		return;
	}
	if (glob(path, GLOB_NOSORT, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		watch_file(k, slot, place, found.gl_pathv[i]);
	globfree(&found);
}

/* Of a name that can be anywhere: below the root and in the accounts' homes. */
static void watch_anywhere(struct kernel *k, uint32_t slot, const struct policy_place *place)
{
	FILE *passwd = fopen("/etc/passwd", "re");
	struct passwd *account;

	watch_below(k, slot, place, "");
	if (!passwd)
		return;
	while ((account = fgetpwent(passwd)))
		watch_below(k, slot, place, account->pw_dir);
	fclose(passwd);
}

static void watch_places(struct kernel *k, uint32_t slot, const struct policy *policy)
{
	struct policy_place place;

	for (size_t i = 0; policy_place_at(policy, i, &place); i++) {
		if (!place.reads && !place.writes)
			continue;
		if (place.anywhere)
			watch_anywhere(k, slot, &place);
		else
			watch_below(k, slot, &place, place.prefix);
	}
}

/* --- one policy ----------------------------------------------------------------------------------
 */

/* Every key of the map whose slot this is; where the slot stands in the key is given. */
static void clear_slot(int map, void *key, size_t key_size, const uint32_t *slot_in_key,
		       uint32_t mask, uint32_t slot)
{
	char next[sizeof(struct policy_name_key)];
	bool any = bpf_map_get_next_key(map, NULL, key) == 0;

	while (any) {
		bool ours = (*slot_in_key & mask) == slot;
		bool more = bpf_map_get_next_key(map, key, next) == 0;

		if (ours)
			bpf_map_delete_elem(map, key);
		if (more)
			memcpy(key, next, key_size);
		any = more;
	}
}

static void clear_policy(struct kernel *k, uint32_t slot)
{
	struct policy_inode_key inode;
	struct policy_name_key name;

	clear_slot(bpf_map__fd(k->skel->maps.policy_inodes), &inode, sizeof(inode), &inode.slot,
		   UINT32_MAX, slot);
	clear_slot(bpf_map__fd(k->skel->maps.policy_names), &name, sizeof(name),
		   (const uint32_t *)(const void *)&name.slot, UINT16_MAX, slot);
}

static int put_names(struct kernel *k, uint32_t slot, const struct policy *policy)
{
	struct policy_name_key key;
	struct policy_name value;

	for (size_t i = 0; policy_name_at(policy, i, &key, &value); i++) {
		key.slot = (uint16_t)slot;
		if (bpf_map_update_elem(bpf_map__fd(k->skel->maps.policy_names), &key, &value,
					BPF_ANY))
			return -errno;
	}
	return 0;
}

static int find_cgroups(const struct policy *policy, struct policy_settings *settings, char *err,
			size_t err_size)
{
	const char *path;
	int e;

	for (size_t i = 0; (path = policy_cgroup(policy, i)); i++) {
		uint64_t id;

		e = kernel_find_cgroup(path, &id, &settings->cgroups[i].level);
		settings->cgroups[i].id = id;
		if (e)
			return kernel_fail(err, err_size, e,
					   "cgroups: %s is none of the v2 hierarchy", path);
	}
	return 0;
}

int kernel_set_policy(struct source *source, const struct policy *policy, char *err,
		      size_t err_size)
{
	struct kernel *k = (struct kernel *)source;
	struct collect__bss *bss = k->skel->bss;
	/* Programs that were there before us go by the policy of whoever was. */
	uint32_t slot = ((k->policy ? k->policy_slot : bss->policy_slot) + 1) % POLICY_SLOTS;
	struct policy_settings settings = *policy_settings(policy);
	int e = find_cgroups(policy, &settings, err, err_size);

	if (e)
		return e;
	clear_policy(k, slot);
	e = put_names(k, slot, policy);
	if (e)
		return kernel_fail(err, err_size, e, "the kernel has no room for the names: %s",
				   strerror(-e));
	watch_places(k, slot, policy);
	memcpy((void *)(uintptr_t)&bss->policies[slot], &settings, sizeof(settings));
	__atomic_store_n(&bss->policy_slot, slot, __ATOMIC_SEQ_CST);
	k->policy = policy;
	k->policy_settings = settings;
	k->policy_slot = slot;
	return 0;
}

/* Every name that was set, as it was set, and no other. */
static bool has_its_names(struct kernel *k)
{
	int map = bpf_map__fd(k->skel->maps.policy_names);
	struct policy_name_key key, next;
	struct policy_name value, found;
	size_t count = 0, present = 0;

	for (; policy_name_at(k->policy, count, &key, &value); count++) {
		key.slot = (uint16_t)k->policy_slot;
		if (bpf_map_lookup_elem(map, &key, &found) ||
		    memcmp(&found, &value, sizeof(found)) != 0)
			return false;
	}
	for (void *at = NULL; bpf_map_get_next_key(map, at, &next) == 0; at = &key) {
		key = next;
		present += key.slot == k->policy_slot;
	}
	return present == count;
}

bool kernel_check_policy(struct kernel *k, struct source_trouble *ret)
{
	struct collect__bss *bss = k->skel->bss;
	char err[256];

	if (bss->policy_slot == k->policy_slot &&
	    memcmp((void *)(uintptr_t)&bss->policies[k->policy_slot], &k->policy_settings,
		   sizeof(k->policy_settings)) == 0 &&
	    has_its_names(k))
		return false;
	*ret = (struct source_trouble){ .harm = HARM_SETTINGS, .name = "policy" };
	ret->result = kernel_set_policy(&k->source, k->policy, err, sizeof(err));
	return true;
}

/* --- now and then --------------------------------------------------------------------------------
 */

#define MINUTE 60 /* calls, one a heartbeat */

/* Have the programs tell what they only counted, where there is something to tell. */
void kernel_flush(struct source *source, bool all)
{
	struct kernel *k = (struct kernel *)source;
	uint64_t args[1] = { all };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = args, .ctx_size_in = sizeof(args),
		    .flags = BPF_F_TEST_RUN_ON_CPU);

	for (uint32_t cpu = 0; cpu < k->source.info.cpus; cpu++) {
		if (!__atomic_load_n(&k->counters[cpu].counting, __ATOMIC_RELAXED))
			continue;
		run.cpu = cpu; /* an absent one waits until it is back */
		bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.fold_flush), &run);
	}
	if (__atomic_load_n(&k->skel->bss->requests_kept, __ATOMIC_RELAXED)) {
		run.flags = 0;
		run.cpu = 0;
		bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.io_uring_flush), &run);
	}
	if (++k->beats % MINUTE == 0)
		watch_places(k, k->policy_slot, k->policy);
}
