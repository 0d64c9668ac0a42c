// SPDX-License-Identifier: Apache-2.0
/* The model as a whole: who is quiet, who is not, and what the alert names. */
#include "score/alert.h"
#include "score/params.h"
#include "score_make.h"

struct habit {
	const char *user;
	const char *programs[8];
};

static const struct habit habits[] = {
	{ "alice",
	  { "/usr/bin/vim", "/usr/bin/make", "/usr/bin/gcc", "/usr/bin/git", "/usr/bin/ls",
	    "/usr/bin/grep", "/usr/bin/less", "/usr/bin/man" } },
	{ "bob",
	  { "/usr/bin/psql", "/usr/bin/python3", "/usr/bin/ls", "/usr/bin/cat", "/usr/bin/less",
	    "/usr/bin/ssh", "/usr/bin/tail", "/usr/bin/jq" } },
	{ "carol",
	  { "/usr/bin/kubectl", "/usr/bin/helm", "/usr/bin/git", "/usr/bin/ls", "/usr/bin/vim",
	    "/usr/bin/curl", "/usr/bin/dig", "/usr/bin/jq" } },
	{ "dave",
	  { "/usr/bin/mutt", "/usr/bin/ls", "/usr/bin/cat", "/usr/bin/vim", "/usr/bin/less",
	    "/usr/bin/tar", "/usr/bin/scp", "/usr/bin/date" } },
};
#define HABITS (sizeof(habits) / sizeof(*habits))

struct world {
	struct score *score;
	uint64_t index, time, seed, process;
	struct record alert;
};

static void open_world(struct world *w)
{
	*w = (struct world){ .time = EPOCH, .seed = 4 };
	ck_assert_int_eq(score_open(&w->score, &test_options), 0);
}

static int feed(struct world *w, struct record r)
{
	r.seq = w->index;
	r.start = w->process += r.kind == RECORD_EXEC; /* each program a process of its own */
	r.time = w->time += 20 * SECOND;
	return score_record(w->score, w->index++, &r, &w->alert);
}

/* One command as its user does it: mostly the first of the list, and the files it opens. */
static int work(struct world *w, const struct habit *habit)
{
	uint64_t a = chance(&w->seed) % 8, b = chance(&w->seed) % 8;
	struct record r = make_exec(habit->user, habit->programs[a < b ? a : b], 0);
	char home[64];
	int alerts;

	r.argv = bytes_of("x\0-l\0file", 9);
	alerts = feed(w, r);
	alerts += feed(w, make_open(habit->user, "/usr/lib/x86_64-linux-gnu/libc.so.6", 0, 0));
	snprintf(home, sizeof(home), "/home/%s/src/%u", habit->user,
		 (unsigned)(chance(&w->seed) % 1000));
	return alerts + feed(w, make_open(habit->user, home, O_RDWR, 0));
}

static int live(struct world *w, unsigned commands)
{
	int alerts = 0;

	for (unsigned i = 0; i < commands; i++)
		for (size_t h = 0; h < HABITS; h++)
			alerts += work(w, &habits[h]);
	return alerts;
}

static struct alert_parts parts_of(const struct world *w)
{
	struct alert_parts parts;

	ck_assert_int_eq(alert_parts_decode(w->alert.parts, &parts), 0);
	return parts;
}

static void check_top(const struct world *w, uint8_t feature, const char *text)
{
	struct alert_parts parts = parts_of(w);

	ck_assert_uint_eq(parts.part[0].feature, feature);
	ck_assert_msg(bytes_equal(parts.part[0].text, bytes_of_text(text)), "%.*s",
		      (int)parts.part[0].text.len, (const char *)parts.part[0].text.data);
}

START_TEST(steady_work_is_quiet)
{
	struct world w;

	open_world(&w);
	ck_assert_int_eq(live(&w, 20000), 0);
	score_close(w.score);
}
END_TEST

START_TEST(a_stranger_is_noticed)
{
	static const char *const tools[] = { "/usr/bin/gdb",   "/usr/bin/nmap", "/usr/bin/strace",
					     "/usr/bin/socat", "/usr/bin/gdb",	"/usr/bin/nc" };
	struct world w;
	unsigned commands = 0;
	char line[1024];

	open_world(&w);
	ck_assert_int_eq(live(&w, 3000), 0);
	while (commands < 40 && !feed(&w, make_exec("alice", tools[commands % 6], 0)))
		commands++;
	ck_assert_uint_lt(commands, 40);
	check_top(&w, FEATURE_PROGRAM, "/usr/bin/gdb");
	ck_assert_uint_eq(parts_of(&w).part[0].user, 0);
	ck_assert_uint_eq(parts_of(&w).part[0].peers_with, 0);
	ck_assert_uint_eq(parts_of(&w).part[0].peers, HABITS - 1);
	ck_assert(bytes_equal(w.alert.entity, bytes_of_text("alice")));
	ck_assert_int_gt(alert_explain(&w.alert, line, sizeof(line)), 0);
	ck_assert_msg(!strncmp(line, "alice ran /usr/bin/gdb first time (0 of 2,9", 43), "%s",
		      line);
	score_close(w.score);
}
END_TEST

START_TEST(who_does_as_another_does_is_noticed)
{
	struct habit masked = habits[1];
	struct world w;
	int alerts = 0;

	open_world(&w);
	live(&w, 3000);
	masked.user = "alice";
	for (unsigned i = 0; i < 200; i++)
		alerts += work(&w, &masked);
	ck_assert_int_ge(alerts, 1);
	score_close(w.score);
}
END_TEST

START_TEST(severity_alarms_once_and_becomes_habit)
{
	struct world w;
	int first = 0, later = 0;

	open_world(&w);
	live(&w, 50); /* also while warming up */
	for (int i = 0; i < 5; i++)
		first += feed(&w, make_open("alice", "/etc/shadow", O_RDONLY, 0));
	ck_assert_int_eq(first, 1);
	check_top(&w, FEATURE_SEVERITY, "T1003.008 read password hashes: /etc/shadow");
	for (int day = 0; day < 30; day++) {
		live(&w, 50);
		later += feed(&w, make_open("alice", "/etc/shadow", O_RDONLY, 0));
	}
	ck_assert_int_le(later, 1);
	score_close(w.score);
}
END_TEST

START_TEST(another_severity_is_not_held_off)
{
	struct world w;

	open_world(&w);
	live(&w, 50);
	ck_assert_int_eq(feed(&w, make_open("alice", "/etc/shadow", O_RDONLY, 0)), 1);
	ck_assert_int_eq(feed(&w, make_open("alice", "/etc/shadow", O_RDONLY, 0)), 0);
	ck_assert_int_eq(feed(&w, make_open("alice", "/etc/ld.so.preload", O_WRONLY, 0)), 1);
	check_top(&w, FEATURE_SEVERITY, "T1574.006 wrote the preload list: /etc/ld.so.preload");
	score_close(w.score);
}
END_TEST

START_TEST(a_burst_of_loss_alarms)
{
	struct record loss = { .kind = RECORD_LOSS, .count = 3 };
	struct world w;
	int alerts = 0;

	open_world(&w);
	ck_assert_int_eq(feed(&w, loss), 0);
	loss.count = 100000;
	for (int i = 0; i < 4; i++)
		alerts += feed(&w, loss);
	ck_assert_int_eq(alerts, 1);
	ck_assert(bytes_equal(w.alert.entity, bytes_of_text("host")));
	score_close(w.score);
}
END_TEST

/* A hand in what collects alarms alone, also one that could not be undone; standing still does not,
 * a few hundred lost events in a heartbeat do. */
START_TEST(a_disturbed_collector_alarms)
{
	struct record tampered = { .kind = RECORD_DISTURBED,
				   .reason = DISTURBED_LINK,
				   .result = -1 };
	struct record stalled = { .kind = RECORD_DISTURBED, .reason = DISTURBED_STALLED };
	struct record loss = { .kind = RECORD_LOSS, .count = 40 };
	struct world w;

	open_world(&w);
	ck_assert_int_eq(feed(&w, stalled), 0);
	score_close(w.score);
	open_world(&w);
	ck_assert_int_eq(feed(&w, tampered), 1);
	ck_assert(bytes_equal(w.alert.entity, bytes_of_text("host")));
	score_close(w.score);
	open_world(&w);
	ck_assert_int_eq(feed(&w, loss), 0);
	loss.count = 200;
	ck_assert_int_eq(feed(&w, loss), 1);
	score_close(w.score);
}
END_TEST

START_TEST(one_new_directory_is_no_alarm)
{
	struct world w;
	int alerts = 0;

	open_world(&w);
	live(&w, 3000);
	for (int i = 0; i < 20000; i++)
		alerts += feed(&w, make_open("alice", "/srv/new/data/file", O_RDONLY, 0));
	ck_assert_int_eq(alerts, 0);
	score_close(w.score);
}
END_TEST

START_TEST(what_is_unverified_says_so)
{
	struct world w;
	struct record r = make_open("alice", "/etc/shadow", O_RDONLY, 0);
	bool said = false;

	open_world(&w);
	live(&w, 50);
	r.flags = RECORD_UNVERIFIED;
	ck_assert_int_eq(feed(&w, r), 1);
	for (size_t i = 0; i < parts_of(&w).count; i++) {
		struct bytes text = parts_of(&w).part[i].text;

		said = said ||
		       (text.len > 10 && !memcmp(text.data + text.len - 10, "unverified", 10));
	}
	ck_assert(said);
	score_close(w.score);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { steady_work_is_quiet,
				 a_stranger_is_noticed,
				 who_does_as_another_does_is_noticed,
				 severity_alarms_once_and_becomes_habit,
				 another_severity_is_not_held_off,
				 a_burst_of_loss_alarms,
				 a_disturbed_collector_alarms,
				 one_new_directory_is_no_alarm,
				 what_is_unverified_says_so };

	return run_tests("score_behaviour", tests, sizeof(tests) / sizeof(*tests));
}
