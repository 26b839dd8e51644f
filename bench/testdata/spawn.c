// The floor of a run of processes: it starts them, waits for them, and does nothing else.
//
//	spawn turns COUNT LIMIT ARGV...  COUNT of them, never more than LIMIT at once
//	spawn all COUNT ARGV...          COUNT at once: says "up", and at the end of its input ends them
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what) {
	fprintf(stderr, "spawn: %s\n", what);
	exit(1);
}

static pid_t start(char **argv) {
	pid_t pid;
	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		fail("a process cannot be started");
	return pid;
}

static int end_of_one(void) {
	int status;
	if (wait(&status) < 0)
		fail("a process cannot be waited for");
	return status;
}

static void turns(int count, int limit, char **argv) {
	int live = 0;
	for (int i = 0; i < count; i++) {
		if (live == limit) {
			if (end_of_one() != 0)
				fail("a process has failed");
			live--;
		}
		start(argv);
		live++;
	}
	for (; live > 0; live--)
		if (end_of_one() != 0)
			fail("a process has failed");
}

static void all(int count, char **argv) {
	char byte;
	pid_t *pids = malloc(count * sizeof *pids);
	if (pids == NULL)
		fail("no memory");
	for (int i = 0; i < count; i++)
		pids[i] = start(argv);
	puts("up");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGTERM);
	for (int i = 0; i < count; i++)
		end_of_one();
	free(pids);
}

int main(int argc, char **argv) {
	if (argc > 4 && strcmp(argv[1], "turns") == 0)
		turns(atoi(argv[2]), atoi(argv[3]), argv + 4);
	else if (argc > 3 && strcmp(argv[1], "all") == 0)
		all(atoi(argv[2]), argv + 3);
	else
		fail("usage");
	return 0;
}
