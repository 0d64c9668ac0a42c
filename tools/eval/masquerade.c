// SPDX-License-Identifier: Apache-2.0
/*
 * masquerade --data DIR [--train N] [--block N] [--pace S] [--users odd|even]: how well the model
 * tells one user from another.
 *
 * DIR holds User1 ... User<N>, one command name a line, and label.txt: a row for each block after
 * the first N (train) commands, a column for each user: 0 clean, 1 typed by somebody else, - not
 * labelled (learned and used as peer, not counted). The commands go through the scoring library
 * in turns, one of each user, as EXEC records of a process each, S seconds (30) apart. With --users
 * only every other user is counted; the others are peers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/score.h"

#define USERS_MAX   512
#define FALSE_RATES 4

struct user {
	char name[16];
	char *text; /* of the file, lines ended by NUL */
	char **commands;
	size_t count;
	char *labels; /* one a block after training: '0', '1', '-' */
};

/* One block: its label, and how unlike its user it is. */
struct block {
	char label;
	int64_t score;
};

struct stream {
	uint64_t clean, false_alarms; /* commands, alerts on them */
	uint64_t runs, caught;
	uint64_t delays[4096]; /* commands until the first alert of a run */
};

static struct user users[USERS_MAX];
static size_t user_count, train = 5000, block_size = 100, pace = 30;
static const char *counted = "all";

static char *read_text(const char *dir, const char *name)
{
	char path[4096];
	FILE *file;
	char *text = NULL;
	size_t used = 0, got;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	do {
		text = realloc(text, used + 65537);
		if (!text)
			abort();
		got = fread(text + used, 1, 65536, file);
		used += got;
	} while (got);
	text[used] = '\0';
	fclose(file);
	return text;
}

static bool load_user(const char *dir, size_t number)
{
	struct user *u = &users[user_count];
	size_t room = 0;

	snprintf(u->name, sizeof(u->name), "User%zu", number);
	u->text = read_text(dir, u->name);
	if (!u->text)
		return false;
	for (char *line = strtok(u->text, "\n"); line; line = strtok(NULL, "\n")) {
		if (u->count == room) {
			room = room ? 2 * room : 16384;
			u->commands = realloc(u->commands, room * sizeof(*u->commands));
			if (!u->commands)
				abort();
		}
		u->commands[u->count++] = line;
	}
	u->labels = calloc(u->count / block_size + 1, 1);
	if (!u->labels)
		abort();
	user_count++;
	return true;
}

static bool load_labels(const char *dir)
{
	char *text = read_text(dir, "label.txt");
	size_t row = 0;
	char *line_end, *word_end;

	if (!text)
		return false;
	for (char *line = strtok_r(text, "\n", &line_end); line;
	     line = strtok_r(NULL, "\n", &line_end), row++) {
		size_t column = 0;

		for (char *word = strtok_r(line, " \t\r", &word_end); word && column < user_count;
		     word = strtok_r(NULL, " \t\r", &word_end), column++)
			if (row < users[column].count / block_size)
				users[column].labels[row] = *word;
	}
	free(text);
	return true;
}

static int feed(struct score *score, uint64_t index, const struct user *user, size_t at)
{
	struct record record = { .kind = RECORD_EXEC,
				 .time = 1 + at * pace * 1000000000ull,
				 .seq = index,
				 .pid = (uint32_t)index,
				 .start = index,
				 .actor = ACTOR_HUMAN,
				 .user = bytes_of_text(user->name),
				 .path = bytes_of_text(user->commands[at]) };
	struct record alert;

	return score_record(score, index, &record, &alert);
}

static char label_of(const struct user *user, size_t block)
{
	size_t first = train / block_size;
	char label = block < first ? '0' : user->labels[block - first];
	bool is_odd = (user - users) % 2 == 0; /* User1 is the first */

	if (strcmp(counted, "all") != 0 && is_odd != (strcmp(counted, "odd") == 0))
		return '-';
	return label ? label : '-';
}

/* The run of somebody else at one user's keyboard that goes on, if any. */
struct run {
	size_t begun;
	bool is_caught;
	int64_t sum; /* of the present block */
};

static void note_alert(struct stream *stream, const struct user *user, struct run *run, size_t at)
{
	char label = label_of(user, at / block_size);

	if (at < train)
		return;
	if (label == '0')
		stream->false_alarms++;
	if (label == '1' && !run->is_caught) {
		stream->delays[stream->caught++] = at + 1 - run->begun;
		run->is_caught = true;
	}
}

static void begin_block(struct stream *stream, const struct user *user, struct run *run,
			size_t block)
{
	run->sum = 0;
	if (!block || label_of(user, block) != '1' || label_of(user, block - 1) == '1')
		return;
	run->begun = block * block_size;
	run->is_caught = false;
	stream->runs++;
}

static bool end_block(struct stream *stream, const struct user *user, const struct run *run,
		      size_t block, struct block *ret)
{
	char label = label_of(user, block);

	if (block * block_size < train || label == '-')
		return false;
	stream->clean += label == '0' ? block_size : 0;
	*ret = (struct block){ label, run->sum };
	return true;
}

/* Everybody's command number `at`; false when nobody has one. */
static bool run_turn(struct score *score, size_t at, struct stream *stream, struct block *blocks,
		     size_t *used)
{
	static struct run runs[USERS_MAX];
	static uint64_t index;
	size_t block = at / block_size;
	bool any = false;

	for (size_t u = 0; u < user_count; u++) {
		const struct user *user = &users[u];

		if ((block + 1) * block_size > user->count)
			continue;
		any = true;
		if (at % block_size == 0)
			begin_block(stream, user, &runs[u], block);
		if (feed(score, index++, user, at))
			note_alert(stream, user, &runs[u], at);
		runs[u].sum += score_last(score);
		if ((at + 1) % block_size == 0)
			*used += end_block(stream, user, &runs[u], block, &blocks[*used]);
	}
	return any;
}

static size_t run_all(struct score *score, struct block *blocks, struct stream *stream)
{
	size_t used = 0;

	for (size_t at = 0; run_turn(score, at, stream, blocks, &used); at++)
		;
	return used;
}

static int by_score(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return (x->score < y->score) - (x->score > y->score);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print_blocks(struct block *blocks, size_t count)
{
	static const double rates[FALSE_RATES] = { 0.005, 0.01, 0.02, 0.05 };
	double hit_at[FALSE_RATES] = { 0 }, least = 1e9, least_hit = 0, least_false = 0, area = 0;
	size_t bad = 0, good = 0, hits = 0, falses = 0;

	for (size_t i = 0; i < count; i++)
		*(blocks[i].label == '1' ? &bad : &good) += 1;
	qsort(blocks, count, sizeof(*blocks), by_score);
	for (size_t i = 0; i < count; i++) {
		double hit, wrong;

		if (blocks[i].label == '1') {
			hits++;
		} else {
			falses++;
			area += hits;
		}
		if (i + 1 < count && blocks[i + 1].score == blocks[i].score)
			continue; /* no threshold lies between equals */
		hit = (double)hits / (double)bad;
		wrong = (double)falses / (double)good;
		for (size_t r = 0; r < FALSE_RATES; r++)
			if (wrong <= rates[r])
				hit_at[r] = hit;
		if (100 * (1 - hit) + 600 * wrong < least) {
			least = 100 * (1 - hit) + 600 * wrong;
			least_hit = hit;
			least_false = wrong;
		}
	}
	printf("blocks        %zu clean, %zu masquerade\n", good, bad);
	for (size_t r = 0; r < FALSE_RATES; r++)
		printf("hit at %4.1f%%   %.1f%%\n", 100 * rates[r], 100 * hit_at[r]);
	printf("least cost    %.1f (hit %.1f%%, false alarm %.2f%%)\n", least, 100 * least_hit,
	       100 * least_false);
	printf("AUC           %.4f\n", area / (double)bad / (double)good);
}

static void print_stream(struct stream *s)
{
	qsort(s->delays, s->caught, sizeof(*s->delays), by_number);
	printf("streaming     %.2f false alarms in 10,000 clean commands (%llu in %llu)\n",
	       1e4 * (double)s->false_alarms / (double)(s->clean ? s->clean : 1),
	       (unsigned long long)s->false_alarms, (unsigned long long)s->clean);
	printf("              %llu of %llu runs caught, median %llu commands\n",
	       (unsigned long long)s->caught, (unsigned long long)s->runs,
	       (unsigned long long)(s->caught ? s->delays[s->caught / 2] : 0));
}

int main(int argc, char **argv)
{
	static const struct score_options options = { .key = "evaluation only" };
	static struct stream stream;
	struct block *blocks;
	struct score *score;
	const char *dir = NULL;
	size_t all = 0, count;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--data"))
			dir = argv[i + 1];
		else if (!strcmp(argv[i], "--train"))
			train = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--block"))
			block_size = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--pace"))
			pace = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--users"))
			counted = argv[i + 1];
	}
	if (!dir || !block_size || train % block_size) {
		fprintf(stderr, "usage: masquerade --data DIR [--train N] [--block N] [--pace S] "
				"[--users odd|even]\n");
		return 2;
	}
	for (size_t n = 1; n <= USERS_MAX && load_user(dir, n); n++)
		all += users[n - 1].count;
	if (!user_count || !load_labels(dir) || score_open(&score, &options)) {
		fprintf(stderr, "masquerade: %s: no User1 or label.txt\n", dir);
		return 2;
	}
	blocks = calloc(all / block_size + 1, sizeof(*blocks));
	if (!blocks)
		return 2;
	count = run_all(score, blocks, &stream);
	print_blocks(blocks, count);
	print_stream(&stream);
	printf("digest        %016llx\n", (unsigned long long)score_digest(score));
	score_close(score);
	return 0;
}
