#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CSystemSupport.h"

static int limit(int resource, uint64_t most) {
  struct rlimit now;
  if (getrlimit(resource, &now) != 0) return -1;
  const rlim_t wanted = now.rlim_max < most ? now.rlim_max : (rlim_t)most;
  const struct rlimit lowered = {wanted, wanted};
  return setrlimit(resource, &lowered);
}

static void close_range_of(unsigned first, unsigned last) {
  if (first > last) return;
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, last, 0) == 0) return;
#endif
  // Linux before 5.9. All descriptors of astd also have FD_CLOEXEC.
  struct rlimit files;
  const unsigned most = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < 65536 ? files.rlim_cur : 65536;
  for (unsigned number = first; number <= last && number < most; number++) close((int)number);
}

/// Runs in the child, in the parent's memory: only system calls. Returns the error number, to be written to `report`,
/// which is not one of the standard streams and is closed by exec.
static int exec_child(const char *path, char *const arguments[], char *const environment[], const int streams[3],
                      int report, const struct astd_child_limits *limits, pid_t parent) {
  // A stream may have the number of another stream's destination.
  int copies[3];
  for (int number = 0; number < 3; number++) {
    copies[number] = fcntl(streams[number], F_DUPFD, 3);
    if (copies[number] < 0) return errno;
  }
  for (int number = 0; number < 3; number++) {
    if (dup2(copies[number], number) < 0) return errno;
  }
  close_range_of(3, (unsigned)report - 1);
  close_range_of((unsigned)report + 1, ~0U);
  setsid();
  // The kernel kills the child with the thread that called vfork; the parent may have been killed before.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) return ESRCH;
  if (limit(RLIMIT_CORE, 0) != 0) return errno;
  if (!limits->writes_files && limit(RLIMIT_FSIZE, 0) != 0) return errno;
  if (limits->cpu_seconds != 0 && limit(RLIMIT_CPU, limits->cpu_seconds) != 0) return errno;
  if (limits->address_bytes != 0 && limit(RLIMIT_AS, limits->address_bytes) != 0) return errno;
  if (limits->open_files != 0 && limit(RLIMIT_NOFILE, limits->open_files) != 0) return errno;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(path, arguments, environment);
  return errno;
}

static void close_both(const int ends[2]) {
  close(ends[0]);
  close(ends[1]);
}

/// A pipe, of numbers that the child does not need for its own streams: astd may have been started without some.
static int pipe_above_streams(int ends[2]) {
  int made[2];
  if (pipe2(made, O_CLOEXEC) != 0) return -1;
  ends[0] = fcntl(made[0], F_DUPFD_CLOEXEC, 3);
  ends[1] = ends[0] < 0 ? -1 : fcntl(made[1], F_DUPFD_CLOEXEC, 3);
  const int error = errno;
  close_both(made);
  if (ends[1] >= 0) return 0;
  if (ends[0] >= 0) close(ends[0]);
  errno = error;
  return -1;
}

int astd_spawn(pid_t *child, const char *path, char *const arguments[], char *const environment[], int input,
               int *output, int *errors, const struct astd_child_limits *limits) {
  int out[2], err[2], report[2];
  if (pipe_above_streams(out) != 0) return errno;
  if (pipe_above_streams(err) != 0) {
    const int error = errno;
    close_both(out);
    return error;
  }
  if (pipe_above_streams(report) != 0) {
    const int error = errno;
    close_both(out);
    close_both(err);
    return error;
  }
  // Whoever started astd may ignore SIGCHLD; the exit status would be lost.
  struct sigaction current;
  if (sigaction(SIGCHLD, NULL, &current) == 0 && current.sa_handler == SIG_IGN) signal(SIGCHLD, SIG_DFL);
  const int streams[3] = {input, out[1], err[1]};
  // A handler of the parent must not run in the child, which has the parent's memory until exec.
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  const pid_t parent = getpid();
  const pid_t found = vfork();
  if (found == 0) {
    // Not in the parent's memory: the thread sanitizer makes a fork of a vfork.
    const int error = exec_child(path, arguments, environment, streams, report[1], limits, parent);
    _exit(write(report[1], &error, sizeof error) == sizeof error ? 127 : 126);
  }
  int error = found < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &previous, NULL);
  close(out[1]);
  close(err[1]);
  close(report[1]);
  if (found > 0) {
    int number;
    ssize_t got;
    do got = read(report[0], &number, sizeof number);
    while (got < 0 && errno == EINTR);
    // Nothing comes from a program that is executed.
    if (got == sizeof number) error = number;
  }
  close(report[0]);
  if (error != 0) {
    while (found > 0 && waitpid(found, NULL, 0) < 0 && errno == EINTR) {}
    close(out[0]);
    close(err[0]);
    return error;
  }
  *child = found;
  *output = out[0];
  *errors = err[0];
  return 0;
}
