// SPDX-License-Identifier: Apache-2.0
/*
 * Which kind of record has which fields, in the order in which they stand on disk.
 *
 * The order is there for packed segments: a record is much like one before it, and each place
 * where it is not costs. So what mostly stays as it was stands first, then what the call was about,
 * and at the end, behind each other, what is never the same: the time, then numbers that count.
 * tools/bench/stored says what it comes to.
 */
#include "record/record.h"

#define FIELD(name, member, form)                                                                  \
	{                                                                                          \
		name, offsetof(struct record, member), form                                        \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

/* Every kernel event begins with who did it, */
#define EVENT_BEGIN                                                                                \
	FIELD("run", run, FORM_U32), FIELD("ring", ring, FORM_U32), FIELD("pid", pid, FORM_U32),   \
		FIELD("tid", tid, FORM_U32), FIELD("ppid", ppid, FORM_U32),                        \
		FIELD("start", start, FORM_U64), FIELD("auid", auid, FORM_U32),                    \
		FIELD("session", session, FORM_U32), FIELD("cgroup", cgroup, FORM_U64),            \
		FIELD("mount_ns", mount_ns, FORM_U32), FIELD("cred", cred, FORM_CRED),             \
		FIELD("comm", comm, FORM_BYTES), FIELD("exe", exe, FORM_BYTES),                    \
		FIELD("actor", actor, FORM_U8), FIELD("how", how, FORM_U8),                        \
		FIELD("user", user, FORM_BYTES), FIELD("acting_as", acting_as, FORM_BYTES),        \
		FIELD("via", via, FORM_BYTES), FIELD("container", container, FORM_BYTES),          \
		FIELD("call", call, FORM_U64), FIELD("flags", flags, FORM_U64)

/* and ends with where it was seen. */
#define EVENT_END                                                                                  \
	FIELD("cpu", cpu, FORM_U32), FIELD("time", time, FORM_BE64), FIELD("seq", seq, FORM_U64),  \
		END

#define FILE_FIELDS                                                                                \
	FIELD("mode", mode, FORM_U32), FIELD("device", device, FORM_U32),                          \
		FIELD("claimed", claimed, FORM_BYTES), FIELD("result", result, FORM_S64),          \
		FIELD("path", path, FORM_BYTES), FIELD("inode", inode, FORM_U64)

static const struct record_field exec_fields[] = {
	EVENT_BEGIN, FIELD("old_cred", old_cred, FORM_CRED), FIELD("cwd", cwd, FORM_BYTES),
	FILE_FIELDS, FIELD("argv", argv, FORM_BYTES),	     EVENT_END
};
static const struct record_field fork_fields[] = { EVENT_BEGIN,
						   FIELD("child_pid", child_pid, FORM_U32),
						   FIELD("child_tid", child_tid, FORM_U32),
						   FIELD("child_parent", child_parent, FORM_U32),
						   FIELD("child_start", child_start, FORM_U64),
						   FIELD("result", result, FORM_S64),
						   EVENT_END };
static const struct record_field exit_fields[] = { EVENT_BEGIN, FIELD("result", result, FORM_S64),
						   EVENT_END };
static const struct record_field open_fields[] = { EVENT_BEGIN,
						   FIELD("open_flags", open_flags, FORM_U32),
						   FILE_FIELDS, EVENT_END };
static const struct record_field setuid_fields[] = { EVENT_BEGIN,
						     FIELD("old_cred", old_cred, FORM_CRED),
						     FIELD("argument0", argument[0], FORM_U64),
						     FIELD("argument1", argument[1], FORM_U64),
						     FIELD("argument2", argument[2], FORM_U64),
						     FIELD("result", result, FORM_S64),
						     EVENT_END };
static const struct record_field connect_fields[] = { EVENT_BEGIN,
						      FIELD("family", family, FORM_U32),
						      FIELD("protocol", protocol, FORM_U32),
						      FIELD("port", port, FORM_U32),
						      FIELD("addr", address, FORM_BYTES),
						      FIELD("result", result, FORM_S64),
						      FIELD("path", path, FORM_BYTES),
						      EVENT_END };

/* What else was done, to a path or to what a descriptor named: `fields` by kind, then the result.
 */
#define OTHER(name)  FIELD(name, other, FORM_BYTES)
#define WORD(name)   FIELD(name, word, FORM_BYTES)
#define FIRST(name)  FIELD(name, argument[0], FORM_U64)
#define SECOND(name) FIELD(name, argument[1], FORM_U64)
#define RESULT	     FIELD("result", result, FORM_S64)
#define CALL_FIELDS(kind, ...)                                                                     \
	static const struct record_field kind##_fields[] = { EVENT_BEGIN, __VA_ARGS__, EVENT_END }
CALL_FIELDS(unlink, FIRST("call_flags"), FILE_FIELDS);
CALL_FIELDS(rename, FIRST("call_flags"), FILE_FIELDS, OTHER("new_path"));
CALL_FIELDS(link, FIRST("call_flags"), FILE_FIELDS, WORD("link_target"), OTHER("new_path"));
CALL_FIELDS(truncate, FILE_FIELDS, FIRST("length"));
#define BEFORE                                                                                     \
	FIELD("old_mode", old_mode, FORM_U32), FIELD("old_owner", old_owner, FORM_U32),            \
		FIELD("old_group", old_group, FORM_U32)
CALL_FIELDS(chmod, BEFORE, FIRST("new_mode"), FILE_FIELDS);
CALL_FIELDS(chown, BEFORE, FIRST("owner"), SECOND("group"), FILE_FIELDS);
CALL_FIELDS(xattr, WORD("name"), FILE_FIELDS);
CALL_FIELDS(capset, FIELD("old_cred", old_cred, FORM_CRED), RESULT);
CALL_FIELDS(module, FIRST("call_flags"), OTHER("name"), WORD("parameters"), FILE_FIELDS);
CALL_FIELDS(bpf, FIRST("command"), OTHER("name"), RESULT);
CALL_FIELDS(ptrace, FIRST("request"), SECOND("target_pid"), RESULT);
CALL_FIELDS(mount, FIRST("call_flags"), WORD("fs_type"), OTHER("source"), FILE_FIELDS);
CALL_FIELDS(namespace, FIRST("namespaces"), FILE_FIELDS);
CALL_FIELDS(kexec, FIRST("call_flags"), WORD("command_line"), FILE_FIELDS);
CALL_FIELDS(memfd, FIRST("call_flags"), WORD("name"), FILE_FIELDS);
CALL_FIELDS(io_uring, FIRST("entries"), RESULT);
CALL_FIELDS(signal, FIRST("signal"), SECOND("target_pid"), RESULT);
CALL_FIELDS(login, FIRST("action"), WORD("service"), OTHER("tty"),
	    FIELD("remote_host", place, FORM_BYTES), FIELD("account", name, FORM_BYTES), RESULT);

CALL_FIELDS(repeat, FIELD("family", family, FORM_U32), FIELD("protocol", protocol, FORM_U32),
	    FIELD("port", port, FORM_U32), FIELD("addr", address, FORM_BYTES), FILE_FIELDS,
	    FIELD("count", count, FORM_U64), FIELD("of_seq", at, FORM_U64),
	    FIELD("last", since, FORM_BE64));

static const struct record_field start_fields[] = { FIELD("run", run, FORM_U32),
						    FIELD("pid", pid, FORM_U32),
						    FIELD("boot_id", boot_id, FORM_RAW16),
						    FIELD("host", host, FORM_BYTES),
						    FIELD("kernel", kernel, FORM_BYTES),
						    FIELD("version", version, FORM_BYTES),
						    FIELD("hooks", hooks, FORM_BYTES),
						    FIELD("scope", scope, FORM_BYTES),
						    FIELD("programs", programs, FORM_BYTES),
						    FIELD("cpus", cpus, FORM_U32),
						    FIELD("boot_time", boot_time, FORM_BE64),
						    FIELD("model_from", model_from, FORM_U64),
						    FIELD("time", time, FORM_BE64),
						    END };
static const struct record_field heartbeat_fields[] = { FIELD("run", run, FORM_U32),
							FIELD("canary", canary, FORM_U32),
							FIELD("canary_cpu", canary_cpu, FORM_U64),
							FIELD("misses", misses, FORM_U64),
							FIELD("fill", fill, FORM_BYTES),
							FIELD("time", time, FORM_BE64),
							FIELD("canary_seq", canary_seq, FORM_U64),
							FIELD("received", received, FORM_U64),
							END };
static const struct record_field counters_fields[] = { FIELD("run", run, FORM_U32),
						       FIELD("time", time, FORM_BE64),
						       FIELD("values", values, FORM_BYTES),
						       FIELD("cpu", cpu, FORM_U32), END };
static const struct record_field loss_fields[] = { FIELD("run", run, FORM_U32),
						   FIELD("cpu", cpu, FORM_U32),
						   FIELD("lost_family", lost_family, FORM_U32),
						   FIELD("reason", reason, FORM_U32),
						   FIELD("since", since, FORM_BE64),
						   FIELD("time", time, FORM_BE64),
						   FIELD("count", count, FORM_U64),
						   END };
static const struct record_field stop_fields[] = { FIELD("run", run, FORM_U32),
						   FIELD("time", time, FORM_BE64),
						   FIELD("received", received, FORM_U64), END };
static const struct record_field resume_fields[] = { FIELD("run", run, FORM_U32),
						     FIELD("fill", fill, FORM_BYTES),
						     FIELD("time", time, FORM_BE64), END };
static const struct record_field user_fields[] = { FIELD("id", id, FORM_U32),
						   FIELD("name", name, FORM_BYTES),
						   FIELD("time", time, FORM_BE64), END };
static const struct record_field archive_fields[] = { FIELD("place", place, FORM_BYTES),
						      FIELD("result", result, FORM_S64),
						      FIELD("why", why, FORM_BYTES),
						      FIELD("root", root, FORM_BYTES),
						      FIELD("time", time, FORM_BE64),
						      FIELD("size", size, FORM_U64),
						      END };
static const struct record_field prune_fields[] = { FIELD("uid", uid, FORM_U32),
						    FIELD("why", why, FORM_BYTES),
						    FIELD("pid", pid, FORM_U32),
						    FIELD("time", time, FORM_BE64),
						    FIELD("keep_number", keep_number, FORM_U64),
						    FIELD("keep_first", keep_first, FORM_U64),
						    END };
static const struct record_field keeper_fields[] = {
	FIELD("run", run, FORM_U32),	 FIELD("name", name, FORM_BYTES),
	FIELD("pid", pid, FORM_U32),	 FIELD("time", time, FORM_BE64),
	FIELD("count", count, FORM_U64), END
};
static const struct record_field disturbed_fields[] = {
	FIELD("run", run, FORM_U32),	  FIELD("reason", reason, FORM_U32),
	FIELD("name", name, FORM_BYTES),  FIELD("result", result, FORM_S64),
	FIELD("since", since, FORM_BE64), FIELD("time", time, FORM_BE64),
	FIELD("lost", count, FORM_U64),	  END
};
static const struct record_field loginuid_fields[] = {
	FIELD("pid", pid, FORM_U32),	 FIELD("tid", tid, FORM_U32),
	FIELD("start", start, FORM_U64), FIELD("old_auid", id, FORM_U32),
	FIELD("auid", auid, FORM_U32),	 FIELD("session", session, FORM_U32),
	FIELD("comm", comm, FORM_BYTES), FIELD("exe", exe, FORM_BYTES),
	FIELD("time", time, FORM_BE64),	 END
};
static const struct record_field config_fields[] = {
	FIELD("run", run, FORM_U32),	FIELD("uid", uid, FORM_U32),
	FIELD("pid", pid, FORM_U32),	FIELD("policy", policy, FORM_BYTES),
	FIELD("time", time, FORM_BE64), END
};
static const struct record_field alert_fields[] = { FIELD("limit", limit, FORM_S64),
						    FIELD("entity", entity, FORM_BYTES),
						    FIELD("parts", parts, FORM_BYTES),
						    FIELD("score", score, FORM_S64),
						    FIELD("digest", digest, FORM_U64),
						    FIELD("time", time, FORM_BE64),
						    FIELD("at", at, FORM_U64),
						    FIELD("first", first, FORM_U64),
						    END };
static const struct record_field digest_fields[] = { FIELD("digest", digest, FORM_U64),
						     FIELD("time", time, FORM_BE64),
						     FIELD("at", at, FORM_U64), END };

#define TYPE(kind, name) [kind] = { kind, #name, name##_fields }

static const struct record_type types[] = {
	TYPE(RECORD_START, start),
	TYPE(RECORD_HEARTBEAT, heartbeat),
	TYPE(RECORD_COUNTERS, counters),
	TYPE(RECORD_LOSS, loss),
	TYPE(RECORD_STOP, stop),
	TYPE(RECORD_RESUME, resume),
	[RECORD_PAUSE] = { RECORD_PAUSE, "pause", stop_fields },
	TYPE(RECORD_USER, user),
	TYPE(RECORD_ARCHIVE, archive),
	TYPE(RECORD_PRUNE, prune),
	TYPE(RECORD_KEEPER, keeper),
	TYPE(RECORD_DISTURBED, disturbed),
	TYPE(RECORD_CONFIG, config),
	TYPE(RECORD_ALERT, alert),
	TYPE(RECORD_DIGEST, digest),
	TYPE(RECORD_EXEC, exec),
	TYPE(RECORD_FORK, fork),
	TYPE(RECORD_EXIT, exit),
	TYPE(RECORD_OPEN, open),
	TYPE(RECORD_SETUID, setuid),
	TYPE(RECORD_CONNECT, connect),
	TYPE(RECORD_UNLINK, unlink),
	TYPE(RECORD_RENAME, rename),
	TYPE(RECORD_LINK, link),
	TYPE(RECORD_TRUNCATE, truncate),
	TYPE(RECORD_CHMOD, chmod),
	TYPE(RECORD_CHOWN, chown),
	TYPE(RECORD_XATTR, xattr),
	TYPE(RECORD_CAPSET, capset),
	TYPE(RECORD_MODULE, module),
	TYPE(RECORD_BPF, bpf),
	TYPE(RECORD_PTRACE, ptrace),
	TYPE(RECORD_MOUNT, mount),
	TYPE(RECORD_NAMESPACE, namespace),
	TYPE(RECORD_KEXEC, kexec),
	TYPE(RECORD_MEMFD, memfd),
	TYPE(RECORD_IO_URING, io_uring),
	TYPE(RECORD_SIGNAL, signal),
	TYPE(RECORD_LOGINUID, loginuid),
	TYPE(RECORD_LOGIN, login),
	TYPE(RECORD_REPEAT, repeat),
	[RECORD_BIND] = { RECORD_BIND, "bind", connect_fields },
	[RECORD_LISTEN] = { RECORD_LISTEN, "listen", connect_fields },
	[RECORD_ACCEPT] = { RECORD_ACCEPT, "accept", connect_fields },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

const struct record_type *record_type(uint8_t kind)
{
	return kind < TYPES && types[kind].name ? &types[kind] : NULL;
}

const struct record_type *record_type_at(size_t position)
{
	for (size_t kind = 0; kind < TYPES; kind++) {
		if (types[kind].name && position-- == 0)
			return &types[kind];
	}
	return NULL;
}
