// SPDX-License-Identifier: Apache-2.0
/*
 * Programs, rings and counters that outlive the collector, in a directory of a bpffs:
 *
 *   map-NAME           every map of the object; map-…rodata, the settings, is pinned last
 *   link-PROGRAM       what attaches a program
 *   login-DEVICE-…     a probe on a copy of libpam
 *
 * The next collector loads the same programs anew on the pinned maps, but leaves attached what is:
 * the new ones are for what has to be attached later. Whoever removes the directory detaches all.
 *
 * Events stay in the rings until their records were written. A collector that is killed in between
 * leaves some behind that are in the chain already; its successor leaves those out.
 */
#include "capture/loader_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS 0xcafe4a11
#define ROOM  4096

/* Names below a bpffs have no dots. */
static void path_of(const struct kernel *k, const char *sort, const char *name, char path[ROOM])
{
	size_t at = (size_t)snprintf(path, ROOM, "%s/%s-", k->pin.dir, sort);

	if (at >= ROOM)
		return;
	snprintf(path + at, ROOM - at, "%s", name);
	for (char *p = path + at; *p; p++) {
		if (*p == '.')
			*p = '_';
	}
}

static int other_build(const struct kernel *k, const char *what, char *err, size_t err_size)
{
	return kernel_fail(err, err_size, -EEXIST,
			   "%s holds %s of another build or of other settings; to begin anew, "
			   "remove it with all that is in it",
			   k->pin.dir, what);
}

int kernel_pin_begin(struct kernel *k, const char *dir, char *err, size_t err_size)
{
	struct statfs fs;

	if (!dir)
		return 0;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return kernel_fail(err, err_size, -errno, "cannot make %s: %s", dir,
				   strerror(errno));
	k->pin.lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->pin.lock < 0 || fstatfs(k->pin.lock, &fs) < 0)
		return kernel_fail(err, err_size, -errno, "%s: %s", dir, strerror(errno));
	if (fs.f_type != BPFFS)
		return kernel_fail(err, err_size, -EINVAL,
				   "%s is in no bpffs, where programs can be kept", dir);
	if (flock(k->pin.lock, LOCK_EX | LOCK_NB) < 0)
		return kernel_fail(err, err_size, -errno, "%s: another collector uses it", dir);
	k->pin.dir = dir;
	return 0;
}

/* --- maps ----------------------------------------------------------------------------------------
 */

/* Our settings are those that the programs run with; the run is theirs. */
static int take_settings(struct kernel *k, int fd, char *err, size_t err_size)
{
	size_t size;
	struct collect__rodata *ours = k->skel->rodata, *theirs;
	const void *whole = bpf_map__initial_value(k->skel->maps.rodata, &size);
	uint32_t key = 0;
	int e = 0;

	if (!whole || size > bpf_map__value_size(k->skel->maps.rodata))
		return other_build(k, "settings", err, err_size);
	theirs = malloc(bpf_map__value_size(k->skel->maps.rodata));
	if (!theirs)
		return kernel_fail(err, err_size, -ENOMEM, "out of memory");
	if (bpf_map_lookup_elem(fd, &key, theirs)) {
		e = other_build(k, "settings", err, err_size);
	} else {
		ours->run_id = theirs->run_id;
		ours->fold_secret = theirs->fold_secret;
		if (memcmp(ours, theirs, size) != 0)
			e = other_build(k, "settings", err, err_size);
	}
	if (!e)
		k->source.info.run = theirs->run_id;
	free(theirs);
	return e;
}

static bool is_alike(struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       (info.max_entries == bpf_map__max_entries(map) || !bpf_map__max_entries(map));
}

static int reuse(struct kernel *k, struct bpf_map *map, char *err, size_t err_size)
{
	char path[ROOM];
	int fd, e = 0;

	path_of(k, "map", bpf_map__name(map), path);
	fd = bpf_obj_get(path);
	if (fd < 0 || !is_alike(map, fd))
		e = other_build(k, "maps", err, err_size);
	else if (map == k->skel->maps.rodata)
		e = take_settings(k, fd, err, err_size);
	if (!e && bpf_map__reuse_fd(map, fd))
		e = kernel_fail(err, err_size, -errno, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return e;
}

int kernel_pin_reuse(struct kernel *k, char *err, size_t err_size)
{
	char path[ROOM];
	struct bpf_map *map;
	int e = 0;

	if (!k->pin.dir)
		return 0;
	path_of(k, "map", bpf_map__name(k->skel->maps.rodata), path);
	k->source.info.taken_up = access(path, F_OK) == 0;
	if (!k->source.info.taken_up)
		return 0;
	bpf_object__for_each_map(map, k->skel->obj)
	{
		if (!e)
			e = reuse(k, map, err, err_size);
	}
	return e;
}

static int pin_map(struct kernel *k, struct bpf_map *map, char *err, size_t err_size)
{
	char path[ROOM];

	path_of(k, "map", bpf_map__name(map), path);
	if (bpf_obj_pin(bpf_map__fd(map), path) == 0)
		return 0;
	return kernel_fail(err, err_size, -errno, "cannot keep %s: %s", path, strerror(errno));
}

/* --- programs ------------------------------------------------------------------------------------
 */

/* The program behind a pinned link; -1 when there is none. */
static int running(struct kernel *k, const char *name)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	char path[ROOM];
	int link, program = -1;

	path_of(k, "link", name, path);
	link = bpf_obj_get(path);
	if (link < 0)
		return -1;
	if (!bpf_obj_get_info_by_fd(link, &info, &len))
		program = bpf_prog_get_fd_by_id(info.prog_id);
	close(link);
	return program;
}

static bool is_same_code(int one, int other)
{
	struct bpf_prog_info a = { 0 }, b = { 0 };
	__u32 len_a = sizeof(a), len_b = sizeof(b);

	return !bpf_obj_get_info_by_fd(one, &a, &len_a) &&
	       !bpf_obj_get_info_by_fd(other, &b, &len_b) &&
	       memcmp(a.tag, b.tag, sizeof(a.tag)) == 0;
}

static int find_running(struct kernel *k, char *err, size_t err_size)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, k->skel->obj)
	{
		struct running *r = &k->pin.running[k->pin.running_count];

		if (!bpf_program__autoload(program) || k->pin.running_count == GUARDED)
			continue;
		r->fd = running(k, bpf_program__name(program));
		if (r->fd < 0)
			continue;
		r->program = program;
		k->pin.running_count++;
		if (!is_same_code(r->fd, bpf_program__fd(program)))
			return other_build(k, "programs", err, err_size);
	}
	return 0;
}

int kernel_pin_maps(struct kernel *k, char *err, size_t err_size)
{
	struct bpf_map *map;
	int e = 0;

	if (!k->pin.dir)
		return 0;
	if (k->source.info.taken_up)
		return find_running(k, err, err_size);
	bpf_object__for_each_map(map, k->skel->obj)
	{
		if (!e && map != k->skel->maps.rodata)
			e = pin_map(k, map, err, err_size);
	}
	return e ? e : pin_map(k, k->skel->maps.rodata, err, err_size);
}

int kernel_ask_program(struct kernel *k, const struct bpf_program *program,
		       struct bpf_prog_info *ret)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_program__fd(program);

	if (!bpf_program__autoload(program))
		return -ENOENT;
	for (size_t i = 0; i < k->pin.running_count; i++) {
		if (k->pin.running[i].program == program)
			fd = k->pin.running[i].fd;
	}
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*ret = info;
	return 0;
}

/* --- links ---------------------------------------------------------------------------------------
 */

struct bpf_link *kernel_open_pinned(struct kernel *k, const char *sort, const char *name)
{
	char path[ROOM];

	errno = ENOENT;
	if (!k->pin.dir)
		return NULL;
	path_of(k, sort, name, path);
	return bpf_link__open(path);
}

struct bpf_link *kernel_pin_link(struct kernel *k, const char *sort, const char *name,
				 struct bpf_link *link)
{
	char path[ROOM];
	int e;

	if (!k->pin.dir || !link)
		return link;
	path_of(k, sort, name, path);
	e = bpf_link__pin(link, path);
	if (!e)
		return link;
	bpf_link__destroy(link);
	errno = -e;
	return NULL;
}

struct bpf_link *kernel_attach_pinned(struct kernel *k, struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	struct bpf_link *link = kernel_open_pinned(k, "link", name);

	return link ? link : kernel_pin_link(k, "link", name, kernel_attach(program));
}

/* --- what is given back
 * ---------------------------------------------------------------------------
 */

void kernel_note(struct source *source, uint64_t next, uint64_t written)
{
	struct kernel *k = (struct kernel *)source;
	struct pin *p = &k->pin;

	if (!p->dir)
		return;
	if (p->count < NOTES) {
		struct noted *n = &p->notes[(p->first + p->count++) % NOTES];

		n->next = next;
		for (int i = 0; i < RINGS; i++)
			n->position[i] = k->rings[i].position;
	}
	while (p->count && p->notes[p->first].next <= written) {
		for (int i = 0; i < RINGS; i++)
			ring_give_back(&k->rings[i], p->notes[p->first].position[i]);
		p->first = (p->first + 1) % NOTES;
		p->count--;
	}
}

bool kernel_goes_on(struct source *source)
{
	return ((struct kernel *)source)->pin.dir != NULL;
}

/* Destroying the link of a perf event would disable it. */
static void let_go(struct bpf_link *link)
{
	if (link)
		bpf_link__disconnect(link);
}

void kernel_pin_end(struct kernel *k)
{
	struct pin *p = &k->pin;

	if (p->dir && k->skel) {
		struct bpf_object_skeleton *s = k->skel->skeleton;

		if (k->skel->bss) /* nobody passes for us from here on */
			k->skel->bss->self_pid = k->skel->bss->keeper_pid = 0;
		for (int i = 0; i < s->prog_cnt; i++)
			let_go(*s->progs[i].link);
		for (size_t i = 0; i < k->login.link_count; i++)
			let_go(k->login.links[i]);
	}
	for (size_t i = 0; i < p->running_count; i++)
		close(p->running[i].fd);
	if (p->lock >= 0)
		close(p->lock);
}
