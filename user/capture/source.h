/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H
/*
 * Where events come from: the kernel (loader.h) or a captured event file (event_file.h). The
 * pipeline behind is the same.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "event.h"

/* What a START record says of the source. */
struct source_info {
	uint32_t run;
	uint32_t cpus;
	char hooks[64];	     /* name of the hook set */
	bool taken_up;	     /* the run goes on that another collector began */
	char programs[2048]; /* name:id:tag, one a line */
};

/* What somebody else can do to what collects, and a look at it can tell. */
enum source_harm {
	HARM_NONE,
	HARM_LINK,     /* a program was detached */
	HARM_PROGRAM,  /* another program runs in its place */
	HARM_RING,     /* somebody else moved on in the ring */
	HARM_SETTINGS, /* are not what they were set to */
};

struct source_trouble {
	enum source_harm harm;
	char name[32]; /* of the program, ring or setting */
	int result;    /* 0: put right again, else -errno */
};

struct policy;
struct source;

struct source_ops {
	const struct event *(*next)(struct source *);
	int (*wait)(struct source *, int timeout_ms);
	const struct event_counters *(*counters)(struct source *, uint32_t cpu);
	void (*mark)(struct source *);
	bool (*drained)(struct source *);
	uint64_t (*misses)(struct source *);
	void (*fill)(struct source *, uint64_t ret[RINGS]);
	size_t (*check)(struct source *, struct source_trouble *to, size_t room); /* NULL: sound */
	int (*start)(struct source *, char *err, size_t err_size);
	int (*stop)(struct source *);
	void (*note)(struct source *, uint64_t next, uint64_t written); /* NULL: nothing to do */
	bool (*goes_on)(struct source *);				/* NULL: no */
	void (*set_keeper)(struct source *, uint32_t pid);		/* NULL: nothing to do */
	void (*saw_library)(struct source *, uint32_t pid, struct bytes path); /* NULL: the same */
	/* NULL: nothing is folded, nothing can be set */
	int (*set_policy)(struct source *, const struct policy *, char *err, size_t err_size);
	void (*flush)(struct source *, bool all);
	void (*close)(struct source *);
};

struct source {
	const struct source_ops *ops;
	struct source_info info;
};

/*
 * The next event in causal order (a task's own events never change places), NULL when none is
 * ready. Valid until the next call.
 */
static inline const struct event *source_next(struct source *s)
{
	return s->ops->next(s);
}

/* Sleep until an event comes, at most timeout_ms. 1 when there is one, 0 not, -ENODATA when none
 * will ever come again (the end of a file). */
static inline int source_wait(struct source *s, int timeout_ms)
{
	return s->ops->wait(s, timeout_ms);
}

/* Copy of a CPU's counters as they are now; valid until the next call. */
static inline const struct event_counters *source_counters(struct source *s, uint32_t cpu)
{
	return s->ops->counters(s, cpu);
}

/* Remember where the rings end now; source_drained() says whether all before it was taken. */
static inline void source_mark(struct source *s)
{
	s->ops->mark(s);
}
static inline bool source_drained(struct source *s)
{
	return s->ops->drained(s);
}

/* Times a program was skipped because it was running already (recursion_misses), all programs. */
static inline uint64_t source_misses(struct source *s)
{
	return s->ops->misses(s);
}

/* Bytes waiting in each ring. */
static inline void source_fill(struct source *s, uint64_t ret[RINGS])
{
	s->ops->fill(s, ret);
}

/* Look whether all is as it was set up, and put right what is not: what was found since the last
 * look, at most room of it. What stays wrong is told once. */
static inline size_t source_check(struct source *s, struct source_trouble *to, size_t room)
{
	return s->ops->check ? s->ops->check(s, to, room) : 0;
}

/* Let events come; before it there are none. 0, or -errno with one clear line in err. */
static inline int source_start(struct source *s, char *err, size_t err_size)
{
	return s->ops->start(s, err, err_size);
}

/* Count what that process does as the collector's own; another one no more. */
static inline void source_set_keeper(struct source *s, uint32_t pid)
{
	if (s->ops->set_keeper)
		s->ops->set_keeper(s, pid);
}

/* A process opened a file by that path, as it sees it: if it is a library whose calls are watched,
 * this copy will be too. */
static inline void source_saw_library(struct source *s, uint32_t pid, struct bytes path)
{
	if (s->ops->saw_library)
		s->ops->saw_library(s, pid, path);
}

/* Record by another policy from now on. It must stay until the next is set. 0; -errno with one
 * clear line in err, then the old one goes on. */
static inline int source_set_policy(struct source *s, const struct policy *policy, char *err,
				    size_t err_size)
{
	return s->ops->set_policy ? s->ops->set_policy(s, policy, err, err_size) : 0;
}

/* Have an event come for repeats that were only counted so far: of those whose time is over, or
 * all. To be called at each heartbeat. */
static inline void source_flush(struct source *s, bool all)
{
	if (s->ops->flush)
		s->ops->flush(s, all);
}

/* Detach the programs: nothing new comes, what is in the rings stays. 0 or -errno. */
static inline int source_stop(struct source *s)
{
	return s->ops->stop(s);
}

/* Whatever was taken so far has become one of the records before `next`, and those before `written`
 * would outlive us: events that have are let go of. */
static inline void source_note(struct source *s, uint64_t next, uint64_t written)
{
	if (s->ops->note)
		s->ops->note(s, next, written);
}

/* Events still come after source_stop(), for whoever opens the source next. */
static inline bool source_goes_on(struct source *s)
{
	return s->ops->goes_on && s->ops->goes_on(s);
}

/* NULL is accepted. */
static inline void source_close(struct source *s)
{
	if (s)
		s->ops->close(s);
}

#endif
