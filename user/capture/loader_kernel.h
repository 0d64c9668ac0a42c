/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_LOADER_KERNEL_H
#define CAPTURE_LOADER_KERNEL_H
/* The loaded programs as a source: what loader*.c share. Nobody else may know it. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "capture/policy.h"
#include "capture/ring.h"
#include "capture/source.h"
#include "collect.skel.h"

#define LOGIN_LIBRARIES 32 /* copies of libpam that can be in use at once */

struct login_probes {
	struct {
		dev_t device;
		ino_t inode;
	} library[LOGIN_LIBRARIES];
	size_t libraries, link_count;
	struct bpf_link *links[LOGIN_LIBRARIES * LOGIN_ACTIONS * 2];
	uint32_t link_ids[LOGIN_LIBRARIES * LOGIN_ACTIONS * 2]; /* 0: no more */
};

#define GUARDED 64 /* links of programs, at most */

/* What a link was when it was made, by the kernel's word. */
struct guarded {
	struct bpf_link **link;
	struct bpf_program *program;
	uint32_t link_id, program_id;
	bool gone; /* and could not be made anew */
};

/* Positions of the rings, and the record that is behind all events before them. */
struct noted {
	uint64_t next;
	unsigned long position[RINGS];
};
#define NOTES 64

struct running {
	const struct bpf_program *program;
	int fd; /* of the one that runs in its place, the same code */
};

/* What outlives us in a bpffs; loader_pin.c. */
struct pin {
	const char *dir; /* NULL: nothing does */
	int lock;	 /* the directory; -1 */
	struct running running[GUARDED];
	size_t running_count;
	struct noted notes[NOTES];
	unsigned first, count;
};

struct kernel {
	struct source source;
	struct collect *skel;
	struct ring rings[RINGS];
	unsigned long batch[RINGS]; /* take up to here, then look again */
	unsigned long marks[RINGS];
	uint64_t batch_time; /* nothing later than this in the batch */
	enum event_scope scope;
	uint32_t scope_pid;
	struct ring *taken;		 /* ring of the event that source_next gave out last */
	struct event_counters *counters; /* mapped */
	size_t counters_size;
	struct event_counters copy;
	int epoll;
	uint64_t last_event; /* monotonic, as of the last time we had nothing to do */
	bool had_events;
	bool corrupt;
	struct login_probes login;
	int keeper_pid;
	struct pin pin;
	bool harden;
	bool old; /* before 5.15: loader_old.c */
	struct guarded guarded[GUARDED];
	size_t guarded_count;
	const struct policy *policy;		/* in force; of whoever set it */
	struct policy_settings policy_settings; /* as the programs have them */
	uint32_t policy_slot;
	uint64_t beats;
};

/* Operations of a source that reads the rings; all but start. */
extern const struct source_ops kernel_ops;

/* Can a program at the exit of system calls be preempted, and is there a hook where it cannot? */
bool kernel_preempts_programs(void);

/* How programs can watch the kernel's functions here: what was tried fired. */
enum function_hooks { FUNCTIONS_NONE, FUNCTIONS_FENTRY, FUNCTIONS_LSM };
enum function_hooks kernel_function_hooks(void);

/* Before the load: the programs of the object set, by these hooks. `kernel` is its BTF. */
void kernel_choose_object_set(struct collect *skel, const struct btf *kernel,
			      enum function_hooks hooks);

/* Is it a program of the object set? A skip costs no record then. */
bool kernel_is_of_object_set(const struct bpf_program *program);

/* Does the kernel ask LSM programs? Without `bpf` among the LSMs they load, and are not asked. */
bool kernel_asks_programs(void);

/* Before the load: leave the programs of --harden out, or let them be. */
void kernel_choose_harden(struct collect *skel, bool harden);

/* Everything that is ours is known to them; again whenever there is more. 0 or -errno. */
int kernel_harden(struct kernel *k);

/* Where it was chosen to be: its section may name another hook. NULL with errno. */
struct bpf_link *kernel_attach(const struct bpf_program *program);

/* Mark what descends from root, once the programs run. 0 or -errno. */
int kernel_mark_descendants(struct kernel *k, uint32_t root);

/* Does the kernel lack what came with 5.15? With 5.10? */
bool kernel_is_old(void);
bool kernel_is_too_old(void);

/* Before the load: the programs and maps of an old kernel, or not; is a tree of processes watched?
 */
void kernel_choose_old(struct collect *skel, bool old, bool has_tree);

/* Does io_uring_submit_sqe hand over the request as its second argument? From 5.14 to 5.19. */
bool kernel_shows_requests(const struct btf *kernel);

/* The program for one enum event_login. */
struct bpf_program *kernel_login_program(struct kernel *k, int action, bool at_return);

/* kernel_mark_descendants() of an old kernel: of the process in the settings. */
int kernel_mark_old(struct kernel *k);

/* Id and depth of a cgroup of the v2 hierarchy; -errno when path is none. */
int kernel_find_cgroup(const char *path, uint64_t *ret_id, uint32_t *ret_level);

/* Probe the PAM library that the dynamic loader would take; a host without one is no error. */
void kernel_probe_login(struct kernel *k);

/* Probe this copy of it, unless that was done. 0; -errno when it is none, or not root's alone. */
int kernel_probe_library(struct kernel *k, const char *path);

/* source_ops.saw_library and what undoes it all. */
void kernel_saw_library(struct source *source, uint32_t pid, struct bytes path);
void kernel_drop_probes(struct kernel *k);

/* What only the programs have to write nobody else can, from here on; before anything is attached.
 */
int kernel_seal_maps(struct kernel *k);

/* Ids of a link and its program, by the kernel's word. 0 or -errno. */
int kernel_ask_link(struct bpf_link *link, uint32_t *ret_link, uint32_t *ret_program);

/* Remember what is attached; source_ops.check, which looks whether it still is. */
void kernel_guard_links(struct kernel *k);
size_t kernel_check(struct source *source, struct source_trouble *to, size_t room);
/* source_ops.set_policy and flush. */
int kernel_set_policy(struct source *source, const struct policy *policy, char *err,
		      size_t err_size);
void kernel_flush(struct source *source, bool all);

/* Is what the programs go by what was set? If not, it is set again, and true. */
bool kernel_check_policy(struct kernel *k, struct source_trouble *ret);

/* What the kernel says of the program that runs, if it is one of this set. 0 or -errno. */
int kernel_ask_program(struct kernel *k, const struct bpf_program *program,
		       struct bpf_prog_info *ret);

/* The directory for what outlives us: made, or taken up as it was left. Each of the others does
 * nothing without it. All 0 or -errno with one clear line in err. */
int kernel_pin_begin(struct kernel *k, const char *dir, char *err, size_t err_size);
/* Before the load, with all settings made: put what is pinned in place of new maps. */
int kernel_pin_reuse(struct kernel *k, char *err, size_t err_size);
/* After it: pin the maps; or see that what is attached are the programs that we have. */
int kernel_pin_maps(struct kernel *k, char *err, size_t err_size);

/* A pinned link, NULL with errno where there is none; and pin one. The latter returns it, or
 * destroys it and returns NULL with errno. */
struct bpf_link *kernel_open_pinned(struct kernel *k, const char *sort, const char *name);
struct bpf_link *kernel_pin_link(struct kernel *k, const char *sort, const char *name,
				 struct bpf_link *link);

/* kernel_attach() of a program, or the link that is pinned. */
struct bpf_link *kernel_attach_pinned(struct kernel *k, struct bpf_program *program);

/* source_ops */
void kernel_note(struct source *source, uint64_t next, uint64_t written);
bool kernel_goes_on(struct source *source);

/* Close without undoing what is pinned. */
void kernel_pin_end(struct kernel *k);

/* One clear line into err; returns code. */
__attribute__((format(printf, 4, 5))) int kernel_fail(char *err, size_t err_size, int code,
						      const char *format, ...);

/* Attach every program, then mark the scope; source_ops.start. */
int kernel_start(struct source *source, char *err, size_t err_size);

#endif
