// SPDX-License-Identifier: Apache-2.0
/*
 * What is told of a damage, whole: the verdict, why, in which file at which offset, which entries,
 * and every number of the report. Another check that happens to refuse the same chain tells
 * something else, so each check is held here by itself.
 */
#include "chain_tell.h"

#define LONG_1 "....................................................................."
#define LONG   LONG_1 LONG_1 LONG_1 LONG_1 LONG_1 LONG_1 LONG_1 LONG_1

/* --- V2: the name ----------------------------------------------------------------------------- */

START_TEST(names)
{
	static const struct row rows[] = {
		{ NOTHING, "", 0, 0, "",
		  "TORN  +0 [0,0) | 16 16 16/9 0 16 | 1 3 12 0 | 0 0 | closed" },
		{ DROP, "identity.pub", 0, 0, "",
		  "TAMPER identity.pub is missing identity.pub+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 "
		  "0 |" },
		{ FLIP, "identity.pub", 0, 3, "\1",
		  "TAMPER identity.pub does not match the seals header identity.pub+0 [0,0) | 0 0 "
		  "0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ FLIP, "identity.pub", 0, -1, "\1",
		  "TAMPER identity.pub does not match the seals header identity.pub+0 [0,0) | 0 0 "
		  "0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ ADD, "identity.pub", 0, 0, "x",
		  "TAMPER identity.pub does not match the seals header identity.pub+0 [0,0) | 0 0 "
		  "0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ CUT, "identity.pub", 0, -1, "",
		  "TAMPER identity.pub does not match the seals header identity.pub+0 [0,0) | 0 0 "
		  "0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ SYMLINK, "identity.pub", 0, 0, "other",
		  "TAMPER identity.pub is not what it should be identity.pub+0 [0,0) | 0 0 0/0 0 0 "
		  "| 0 0 0 0 | 0 0 |" },
		{ FIFO, "identity.pub", 0, 0, "",
		  "TAMPER identity.pub is not what it should be identity.pub+0 [0,0) | 0 0 0/0 0 0 "
		  "| 0 0 0 0 | 0 0 |" },
		{ ADD, "identity.pub", 0, 0, LONG,
		  "TAMPER identity.pub is not what it should be identity.pub+0 [0,0) | 0 0 0/0 0 0 "
		  "| 0 0 0 0 | 0 0 |" },
		{ SOCKET, "identity.pub", 0, 0, "",
		  "TAMPER identity.pub is not what it should be identity.pub+0 [0,0) | 0 0 0/0 0 0 "
		  "| 0 0 0 0 | 0 0 |" },
		{ SOCKET, "seals", 0, 0, "",
		  "TAMPER seals is not a regular file seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ SOCKET, "checkpoint", 0, 0, "",
		  "TAMPER checkpoint is no signed note checkpoint+0 [0,16) | 0 0 16/9 0 0 | 0 0 0 "
		  "0 | 0 0 | closed" },
		{ SOCKET, SEG3, 0, 0, "",
		  "TAMPER segment is not a regular file 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 "
		  "4 | 0 0 0 0 | 0 0 | closed" },
		{ FOLDER, "identity.pub", 0, 0, "",
		  "TAMPER identity.pub is not what it should be identity.pub+0 [0,0) | 0 0 0/0 0 0 "
		  "| 0 0 0 0 | 0 0 |" },
		{ CUT, "seals", 0, 159, "",
		  "TAMPER seals header is cut short seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ CUT, "seals", 0, 0, "",
		  "TAMPER seals header is cut short seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ FLIP, "seals", 0, 0, "\1",
		  "TAMPER bad magic in seals header seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ FLIP, "seals", 0, 7, "\3",
		  "UNVERIFIABLE unknown seals version seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ FLIP, "seals", 0, 7, "\x40",
		  "TAMPER bad magic in seals header seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ FLIP, "seals", 0, 7, "\x10",
		  "TAMPER bad magic in seals header seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ FLIP, "seals", 0, 7, "\x0a",
		  "TAMPER bad magic in seals header seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ FLIP, "seals", 0, 20, "\1",
		  "TAMPER bad crc in seals header seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ FLIP, "seals", 0, 12, "\1",
		  "TAMPER reserved bytes in seals header are not zero seals+0 [0,0) | 0 0 0/0 0 0 "
		  "| 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 0, 16, "\1",
		  "TAMPER identity.pub does not match the seals header identity.pub+0 [0,0) | 0 0 "
		  "0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 0, 48, "\1",
		  "TAMPER identity.pub does not match the seals header identity.pub+0 [0,0) | 0 0 "
		  "0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 0, 80, "\1",
		  "TAMPER identity.pub does not match the seals header identity.pub+0 [0,0) | 0 0 "
		  "0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 0, 96, "\x80",
		  "TAMPER bad name in seals header seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 0, 150, "x",
		  "TAMPER bad name in seals header seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ DROP, "seals", 0, 0, "",
		  "TAMPER seals is missing seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIFO, "seals", 0, 0, "",
		  "TAMPER seals is not a regular file seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ FOLDER, "seals", 0, 0, "",
		  "TAMPER seals is not a regular file seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ SYMLINK, "seals", 0, 0, "other",
		  "TAMPER seals is not a regular file seals+0 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
	};

	TELL_ALL("names", rows);
}
END_TEST

/* --- V3: the seals ---------------------------------------------------------------------------- */

START_TEST(seals)
{
	static const struct row rows[] = {
		{ FLIP, "seals", 1, 20, "\1",
		  "TAMPER seal 1: bad crc seals+160 [0,0) | 0 0 0/0 0 0 | 0 0 0 0 | 0 0 |" },
		{ FLIP, "seals", 2, 20, "\1",
		  "TAMPER seal 2: bad crc seals+320 [1,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 0 |" },
		{ FLIP, "seals", 7, 20, "\1",
		  "TAMPER seal 7: bad crc seals+1120 [9,9) | 0 0 9/6 0 0 | 0 0 0 0 | 0 0 |" },
		{ CUT, "seals", 7, 1, "",
		  "ROLLBACK the chain's own checkpoint is at size 16, the last seal at 9 +0 [9,16) "
		  "| 16 9 9/6 7 16 | 1 3 12 0 | 0 0 | torn-seal" },
		{ CUT, "seals", 7, 0, "",
		  "ROLLBACK the chain's own checkpoint is at size 16, the last seal at 9 +0 [9,16) "
		  "| 16 9 9/6 7 16 | 1 3 12 0 | 0 0 |" },
		{ CUT, "seals", 2, 80, "",
		  "TAMPER segment names another seal than the one that covers it "
		  "0000000000000002.seg+32 [4,4) | 4 1 1/1 0 4 | 0 0 0 0 | 0 0 | torn-seal" },
		{ CUT, "seals", 2, 0, "",
		  "TAMPER segment names another seal than the one that covers it "
		  "0000000000000002.seg+32 [4,4) | 4 1 1/1 0 4 | 0 0 0 0 | 0 0 |" },
		{ CUT, "seals", 1, 0, "",
		  "TAMPER segment names another seal than the one that covers it "
		  "0000000000000002.seg+32 [4,4) | 4 0 0/0 0 4 | 0 0 0 0 | 0 0 |" },
		{ CUT, "seals", 1, 7, "",
		  "TAMPER segment names another seal than the one that covers it "
		  "0000000000000002.seg+32 [4,4) | 4 0 0/0 0 4 | 0 0 0 0 | 0 0 | torn-seal" },
		{ ADD, "seals", 0, 0, "SEAL",
		  "TORN  +0 [0,0) | 16 16 16/9 0 16 | 1 3 12 0 | 0 0 | torn-seal closed" },
		{ FIX, "seals", 2, 0, "\1",
		  "TAMPER seal 2: bad magic in seal seals+320 [1,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ FIX, "seals", 2, 8, "\1",
		  "TAMPER seal 2: seal out of order seals+320 [1,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
		{ FIX, "seals", 2, 16, "\1",
		  "TAMPER seal 2: bad signature seals+320 [1,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 2, 16, "\x80",
		  "TAMPER seal 2: bad signature seals+320 [1,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 2, 24, "\1",
		  "TAMPER seal 2: bad signature seals+320 [1,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 2, 24, "\2",
		  "TAMPER seal 2: unknown flag or reserved byte in seal seals+320 [1,1) | 0 0 1/1 "
		  "0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 2, 28, "\1",
		  "TAMPER seal 2: unknown flag or reserved byte in seal seals+320 [1,1) | 0 0 1/1 "
		  "0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 2, 32, "\1",
		  "TAMPER seal 2: bad signature seals+320 [1,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 2, 64, "\1",
		  "TAMPER seal 2: bad signature seals+320 [1,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 0 |" },
		{ FIX, "seals", 2, 96, "\1",
		  "TAMPER seal 2: bad signature seals+320 [1,1) | 0 0 1/1 0 0 | 0 0 0 0 | 0 0 |" },
		{ EARLIER, "seals", 2, 0, "",
		  "TAMPER seal 3: seal out of order seals+480 [4,4) | 0 0 4/2 0 0 | 0 0 0 0 | 0 0 "
		  "|" },
	};

	TELL_ALL("seals", rows);
}
END_TEST

/* --- V8: the chain's own checkpoint ------------------------------------------------------------
 */

START_TEST(checkpoints)
{
	static const struct row rows[] = {
		{ DROP, "checkpoint", 0, 0, "",
		  "TAMPER checkpoint is missing checkpoint+0 [0,16) | 0 0 16/9 0 0 | 0 0 0 0 | 0 0 "
		  "| closed" },
		{ FIFO, "checkpoint", 0, 0, "",
		  "TAMPER checkpoint is no signed note checkpoint+0 [0,16) | 0 0 16/9 0 0 | 0 0 0 "
		  "0 | 0 0 | closed" },
		{ FOLDER, "checkpoint", 0, 0, "",
		  "TAMPER checkpoint is no signed note checkpoint+0 [0,16) | 0 0 16/9 0 0 | 0 0 0 "
		  "0 | 0 0 | closed" },
		{ SYMLINK, "checkpoint", 0, 0, "other",
		  "TAMPER checkpoint is no signed note checkpoint+0 [0,16) | 0 0 16/9 0 0 | 0 0 0 "
		  "0 | 0 0 | closed" },
		{ PUT, "checkpoint", 0, 0, "",
		  "TAMPER line 1: no origin line checkpoint+0 [0,0) | 0 0 16/9 0 0 | 0 0 0 0 | 0 0 "
		  "| closed" },
		{ CUT, "checkpoint", 0, -1, "",
		  "TAMPER line 5: bad signature line checkpoint+0 [0,0) | 0 0 16/9 0 0 | 0 0 0 0 | "
		  "0 0 | closed" },
		{ FLIP, "checkpoint", 0, 0, "\1",
		  "TAMPER origin of another log checkpoint+0 [0,0) | 0 0 16/9 0 0 | 0 0 0 0 | 0 0 "
		  "| closed" },
		{ FLIP, "checkpoint", 0, 57, "\x10",
		  "TAMPER line 2: size is not a canonical decimal checkpoint+0 [0,0) | 0 0 16/9 0 "
		  "0 | 0 0 0 0 | 0 0 | closed" },
		{ FLIP, "checkpoint", 0, 57, "\x0c",
		  "TAMPER line 2: size is not a canonical decimal checkpoint+0 [0,0) | 0 0 16/9 0 "
		  "0 | 0 0 0 0 | 0 0 | closed" },
		{ FLIP, "checkpoint", 0, 57, "\1",
		  "TAMPER no valid identity signature checkpoint+0 [0,0) | 0 0 16/9 0 0 | 0 0 0 0 "
		  "| 0 0 | closed" },
	};

	TELL_ALL("checkpoints", rows);
}
END_TEST

/* --- V4: files and headers of segments ---------------------------------------------------------
 */

START_TEST(segments)
{
	static const struct row rows[] = {
		{ DROP, SEG1, 0, 0, "",
		  "TAMPER segments before 0000000000000002 are missing +0 [0,4) | 16 16 16/9 0 16 "
		  "| 1 3 12 0 | 4 0 | closed" },
		{ DROP, SEG2, 0, 0, "",
		  "TAMPER segment is missing 0000000000000002.seg+0 [0,16) | 0 0 16/9 0 0 | 0 0 0 "
		  "0 | 0 0 | closed" },
		{ DROP, SEG4, 0, 0, "",
		  "TAMPER sealed entries are missing: block is cut short 0000000000000003.seg+384 "
		  "[12,16) | 12 9 16/9 0 12 | 0 0 0 12 | 0 0 | closed" },
		{ FIFO, SEG3, 0, 0, "",
		  "TAMPER segment is not a regular file 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 "
		  "4 | 0 0 0 0 | 0 0 | closed" },
		{ FOLDER, SEG3, 0, 0, "",
		  "TAMPER segment is not a regular file 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 "
		  "4 | 0 0 0 0 | 0 0 | closed" },
		{ SYMLINK, SEG3, 0, 0, "other",
		  "TAMPER segment is not a regular file 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 "
		  "4 | 0 0 0 0 | 0 1 | closed" },
		{ NAME, SEG4, 0, 0, "0000000000000005.seg",
		  "TAMPER segment is missing 0000000000000004.seg+0 [6,16) | 6 6 16/9 0 6 | 0 0 0 "
		  "0 | 0 0 | closed" },
		{ COPY, SEG4, 0, 0, "0000000000000005.seg",
		  "TAMPER segment header has another number than the file name "
		  "0000000000000005.seg+0 [12,16) | 12 9 16/9 0 12 | 0 0 12 0 | 0 0 | closed" },
		{ COPY, SEG4, 0, 0, "stray",
		  "TORN  +0 [0,0) | 16 16 16/9 0 16 | 1 3 12 0 | 0 1 | closed" },
		{ CUT, SEG1, 0, 20, "",
		  "TAMPER segment header is cut short 0000000000000001.seg+0 [0,16) | 0 0 16/9 0 0 "
		  "| 0 0 0 0 | 0 0 | closed" },
		{ CUT, SEG3, 0, 150, "",
		  "TAMPER bad frontier length in segment header 0000000000000003.seg+0 [4,16) | 4 "
		  "4 16/9 0 4 | 0 0 0 0 | 0 0 | closed" },
		{ CUT, SEG4, 0, 0, "",
		  "TAMPER segment header is cut short 0000000000000004.seg+0 [6,16) | 6 6 16/9 0 6 "
		  "| 0 0 0 0 | 0 0 | closed" },
	};

	TELL_ALL("segments", rows);
}
END_TEST

START_TEST(headers)
{
	static const struct row rows[] = {
		{ FLIP, SEG3, 0, 0, "\1",
		  "TAMPER bad segment magic 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 4 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FLIP, SEG3, 0, 7, "\3",
		  "UNVERIFIABLE unknown segment version 0000000000000003.seg+0 [4,4) | 4 4 16/9 0 "
		  "4 | 0 0 0 0 | 0 0 | closed" },
		{ FLIP, SEG3, 0, 7, "\x40",
		  "TAMPER bad segment magic 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 4 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FLIP, SEG3, 0, 7, "\x10",
		  "TAMPER bad segment magic 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 4 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FLIP, SEG3, 0, 7, "\x0a",
		  "TAMPER bad segment magic 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 4 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FLIP, SEG3, 0, 6, "\x10",
		  "TAMPER bad segment magic 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 4 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FLIP, SEG3, 0, 6, "\x0a",
		  "TAMPER bad segment magic 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 4 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FLIP, SEG3, 0, 6, "\1",
		  "UNVERIFIABLE unknown segment version 0000000000000003.seg+0 [4,4) | 4 4 16/9 0 "
		  "4 | 0 0 0 0 | 0 0 | closed" },
		{ FLIP, SEG3, 0, 12, "\1",
		  "TAMPER bad frontier length in segment header 0000000000000003.seg+0 [4,16) | 4 "
		  "4 16/9 0 4 | 0 0 0 0 | 0 0 | closed" },
		{ FLIP, SEG3, 0, 80, "\1",
		  "TAMPER bad crc in segment header 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 4 | "
		  "0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 16, "\1",
		  "TAMPER segment header has another number than the file name "
		  "0000000000000003.seg+0 [4,16) | 4 4 16/9 0 4 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 24, "\3",
		  "TAMPER segment does not begin where the one before ends 0000000000000003.seg+24 "
		  "[6,7) | 6 6 16/9 0 6 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 32, "\1",
		  "TAMPER segment names another seal than the one that covers it "
		  "0000000000000003.seg+32 [6,7) | 6 6 16/9 0 6 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 32, "\4",
		  "TAMPER segment names another seal than the one that covers it "
		  "0000000000000003.seg+32 [6,7) | 6 6 16/9 0 6 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 39, "\1",
		  "TAMPER segment names another seal than the one that covers it "
		  "0000000000000003.seg+32 [6,7) | 6 6 16/9 0 6 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 40, "\1",
		  "TAMPER block is cut short 0000000000000002.seg+212 [5,6) | 5 4 16/9 0 5 | 0 0 0 "
		  "0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 47, "\1",
		  "TAMPER segment is shorter than the next says 0000000000000002.seg+243 [6,7) | 6 "
		  "6 16/9 0 6 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 48, "\1",
		  "TAMPER segment names another key than its seal's 0000000000000003.seg+48 [6,7) "
		  "| 6 6 16/9 0 6 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 80, "\1",
		  "TAMPER entries differ from what seal 4 says 0000000000000003.seg+208 [6,7) | 7 "
		  "6 16/9 0 7 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 112, "\1",
		  "TAMPER segment is of another log 0000000000000003.seg+112 [6,7) | 6 6 16/9 0 6 "
		  "| 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 132, "\1",
		  "TAMPER reserved bytes in segment header are not zero 0000000000000003.seg+0 "
		  "[4,16) | 4 4 16/9 0 4 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 0, 144, "\1",
		  "TAMPER segment does not begin where the one before ends 0000000000000003.seg+24 "
		  "[6,7) | 6 6 16/9 0 6 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG4, 0, 40, "\1",
		  "TAMPER block is cut short 0000000000000003.seg+384 [12,14) | 12 9 16/9 0 12 | 0 "
		  "0 0 0 | 0 0 | closed" },
		{ FIX, SEG4, 0, 48, "\1",
		  "TAMPER segment names another key than its seal's 0000000000000004.seg+48 "
		  "[12,14) | 12 9 16/9 0 12 | 0 0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 0, 32, "\1",
		  "TAMPER segment names another seal than the one that covers it "
		  "0000000000000004.seg+32 [12,14) | 12 9 16/9 0 12 | 0 0 12 0 | 0 0 | closed" },
		{ FIX, SEG1, 0, 32, "\1",
		  "TAMPER segment names another seal than the one that covers it "
		  "0000000000000001.seg+32 [0,1) | 0 0 16/9 0 0 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG1, 0, 40, "\1",
		  "TAMPER first segment does not begin at 0 0000000000000001.seg+24 [0,1) | 0 0 "
		  "16/9 0 0 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG1, 0, 48, "\1",
		  "TAMPER segment names another key than its seal's 0000000000000001.seg+48 [0,1) "
		  "| 0 0 16/9 0 0 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG1, 0, 112, "\1",
		  "TAMPER segment is of another log 0000000000000001.seg+112 [0,1) | 0 0 16/9 0 0 "
		  "| 0 0 0 0 | 0 0 | closed" },
	};

	TELL_ALL("headers", rows);
}
END_TEST

/* --- V5, V6: blocks and entries ----------------------------------------------------------------
 */

START_TEST(blocks)
{
	static const struct row rows[] = {
		{ FLIP, SEG3, 2, 0, "\1",
		  "TAMPER bad block magic 0000000000000003.seg+244 [7,8) | 7 7 16/9 0 7 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FLIP, SEG3, 2, 30, "\1",
		  "TAMPER bad block magic 0000000000000003.seg+274 [8,9) | 8 8 16/9 0 8 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FIX, SEG3, 2, 30, "\1",
		  "TAMPER bad block magic 0000000000000003.seg+274 [8,9) | 8 8 16/9 0 8 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FIX, SEG3, 2, 8, "\1",
		  "TAMPER block begins with another entry than the one due "
		  "0000000000000003.seg+244 [7,8) | 7 7 16/9 0 7 | 0 0 0 0 | 0 0 | closed" },
		{ FLIP, SEG3, 2, 18, "\x80",
		  "TAMPER bad block header 0000000000000003.seg+244 [7,8) | 7 7 16/9 0 7 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FIX, SEG3, 2, 20, "\1",
		  "TAMPER bad block header 0000000000000003.seg+244 [7,8) | 7 7 16/9 0 7 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FIX, SEG3, 2, 20, "\3",
		  "TAMPER bad entry lengths in block 0000000000000003.seg+244 [7,8) | 7 7 16/9 0 7 "
		  "| 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 2, 21, "\1",
		  "TAMPER bad block header 0000000000000003.seg+244 [7,8) | 7 7 16/9 0 7 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FIX, SEG3, 2, 22, "\1",
		  "TAMPER bad block header 0000000000000003.seg+244 [7,8) | 7 7 16/9 0 7 | 0 0 0 0 "
		  "| 0 0 | closed" },
		{ FIX, SEG3, 2, 25, "\1",
		  "TAMPER bad entry lengths in block 0000000000000003.seg+244 [7,8) | 7 7 16/9 0 7 "
		  "| 0 0 0 0 | 0 0 | closed" },
		{ CUT, SEG3, 2, 10, "",
		  "TAMPER block is cut short 0000000000000003.seg+244 [7,8) | 7 7 16/9 0 7 | 0 0 0 "
		  "0 | 0 0 | closed" },
		{ CUT, SEG3, 2, 40, "",
		  "TAMPER block is cut short 0000000000000003.seg+274 [8,9) | 8 8 16/9 0 8 | 0 0 0 "
		  "0 | 0 0 | closed" },
		{ CUT, SEG3, 2, 0, "",
		  "TAMPER segment is shorter than the next says 0000000000000003.seg+244 [7,8) | 7 "
		  "7 16/9 0 7 | 0 0 0 0 | 0 0 | closed" },
		{ FIX, SEG3, 4, 30, "\1",
		  "TAMPER segment does not begin where the one before ends 0000000000000004.seg+24 "
		  "[12,14) | 12 9 16/9 0 12 | 0 0 12 0 | 0 0 | closed" },
		{ FLIP, SEG3, 0, -3, "\1",
		  "TAMPER RECOVERY does not agree with the torn tail 0000000000000004.seg+246 "
		  "[13,14) | 13 9 16/9 0 13 | 0 0 12 0 | 0 0 | closed" },
		{ CUT, SEG3, 0, -3, "",
		  "TAMPER RECOVERY does not agree with the torn tail 0000000000000004.seg+246 "
		  "[13,14) | 13 9 16/9 0 13 | 0 0 9 0 | 0 0 | closed" },
		{ ADD, SEG3, 0, 0, "more",
		  "TAMPER RECOVERY does not agree with the torn tail 0000000000000004.seg+246 "
		  "[13,14) | 13 9 16/9 0 13 | 0 0 16 0 | 0 0 | closed" },
		{ ADD, SEG2, 0, 0, "more",
		  "TAMPER bytes after the closing seal 0000000000000002.seg+243 [6,7) | 6 6 16/9 0 "
		  "6 | 0 0 0 0 | 0 0 | closed" },
		{ ADD, SEG4, 0, 0, "more",
		  "TAMPER bytes after the closing seal 0000000000000004.seg+417 [16,16) | 16 16 "
		  "16/9 0 16 | 1 3 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, 30, "\1",
		  "TAMPER entries differ from what seal 7 says 0000000000000004.seg+208 [9,14) | "
		  "14 9 16/9 0 14 | 1 3 12 0 | 0 0 | closed" },
		{ FLIP, SEG4, 2, 30, "\1",
		  "TAMPER sealed entries are missing: bad block crc 0000000000000004.seg+354 "
		  "[14,16) | 14 14 16/9 0 14 | 1 3 12 63 | 0 0 | closed" },
		{ FIX, SEG4, 2, 30, "\1",
		  "TAMPER entries differ from what seal 8 says 0000000000000004.seg+354 [14,15) | "
		  "15 14 16/9 0 15 | 1 3 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, 26, "\2",
		  "TAMPER segment without SCHEMA 0000000000000004.seg+234 [12,14) | 12 9 16/9 0 12 "
		  "| 0 0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 2, 26, "\x10",
		  "TAMPER entry of type 0 0000000000000004.seg+380 [14,15) | 14 14 16/9 0 14 | 1 3 "
		  "12 0 | 0 0 | closed" },
		{ FIX, SEG4, 2, 26, "\x11",
		  "TAMPER SCHEMA out of place 0000000000000004.seg+380 [14,15) | 14 14 16/9 0 14 | "
		  "1 3 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 2, 26, "\x12",
		  "TAMPER malformed RECOVERY 0000000000000004.seg+380 [14,15) | 14 14 16/9 0 14 | "
		  "1 3 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 2, 26, "\x13",
		  "TAMPER malformed LINK 0000000000000004.seg+380 [14,15) | 14 14 16/9 0 14 | 1 3 "
		  "12 0 | 0 0 | closed" },
		{ FIX, SEG4, 2, 26, "\x14",
		  "TAMPER malformed PRUNE 0000000000000004.seg+380 [14,15) | 14 14 16/9 0 14 | 1 3 "
		  "12 0 | 0 0 | closed" },
		{ FIX, SEG4, 2, 26, "\x15",
		  "TAMPER entries differ from what seal 8 says 0000000000000004.seg+354 [14,15) | "
		  "15 14 16/9 0 15 | 1 3 12 0 | 0 0 | closed" },
		{ CUT, SEG4, 2, 0, "",
		  "TAMPER sealed entries are missing 0000000000000004.seg+354 [14,16) | 14 14 16/9 "
		  "0 14 | 1 3 12 0 | 0 0 | closed" },
		{ CUT, SEG4, 1, 0, "",
		  "TAMPER sealed entries are missing 0000000000000004.seg+208 [12,16) | 12 9 16/9 "
		  "0 12 | 0 0 12 0 | 0 0 | closed" },
		{ CUT, SEG1, 1, 0, "",
		  "TAMPER segment is shorter than the next says 0000000000000001.seg+144 [0,1) | 0 "
		  "0 16/9 0 0 | 0 0 0 0 | 0 0 | closed" },
	};

	TELL_ALL("blocks", rows);
}
END_TEST

#define RECOVERY_AT (24 + 2 + 10 + 2)

START_TEST(recoveries)
{
	static const struct row rows[] = {
		{ FIX, SEG4, 1, RECOVERY_AT + 1, "\2",
		  "TAMPER malformed RECOVERY 0000000000000004.seg+246 [13,14) | 13 9 16/9 0 13 | 0 "
		  "0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT + 1, "\3",
		  "TAMPER malformed RECOVERY 0000000000000004.seg+246 [13,14) | 13 9 16/9 0 13 | 0 "
		  "0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT + 2, "\1",
		  "TAMPER malformed RECOVERY 0000000000000004.seg+246 [13,14) | 13 9 16/9 0 13 | 0 "
		  "0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT + 4, "\1",
		  "TAMPER RECOVERY does not agree with its segment 0000000000000004.seg+246 "
		  "[13,14) | 13 9 16/9 0 13 | 0 0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT + 12, "\1",
		  "TAMPER RECOVERY does not agree with the torn tail 0000000000000004.seg+246 "
		  "[13,14) | 13 9 16/9 0 13 | 0 0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT + 20, "\1",
		  "TAMPER RECOVERY does not agree with its segment 0000000000000004.seg+246 "
		  "[13,14) | 13 9 16/9 0 13 | 0 0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT + 28, "\1",
		  "TAMPER RECOVERY does not agree with its segment 0000000000000004.seg+246 "
		  "[13,14) | 13 9 16/9 0 13 | 0 0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT + 36, "\1",
		  "TAMPER RECOVERY does not agree with its segment 0000000000000004.seg+246 "
		  "[13,14) | 13 9 16/9 0 13 | 0 0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT + 44, "\1",
		  "TAMPER RECOVERY does not agree with the torn tail 0000000000000004.seg+246 "
		  "[13,14) | 13 9 16/9 0 13 | 0 0 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT + 76, "\1",
		  "TAMPER entries differ from what seal 7 says 0000000000000004.seg+208 [9,14) | "
		  "14 9 16/9 0 14 | 1 3 12 0 | 0 0 | closed" },
		{ FIX, SEG4, 1, RECOVERY_AT, "\x12",
		  "TAMPER entries differ from what seal 7 says 0000000000000004.seg+208 [9,14) | "
		  "14 9 16/9 0 14 | 0 0 12 0 | 0 0 | closed" },
		{ DROP, SEG3, 0, 0, "",
		  "TAMPER segment is missing 0000000000000003.seg+0 [4,16) | 4 4 16/9 0 4 | 0 0 0 "
		  "0 | 0 0 | closed" },
	};

	TELL_ALL("recoveries", rows);
}
END_TEST

static void setup(void)
{
	make_base(BASE_RECOVERED);
}

int main(void)
{
	Suite *suite = suite_create("chain_told");
	TCase *tcase = tcase_create("told");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, drop_base);
	tcase_add_test(tcase, names);
	tcase_add_test(tcase, seals);
	tcase_add_test(tcase, checkpoints);
	tcase_add_test(tcase, segments);
	tcase_add_test(tcase, headers);
	tcase_add_test(tcase, blocks);
	tcase_add_test(tcase, recoveries);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
