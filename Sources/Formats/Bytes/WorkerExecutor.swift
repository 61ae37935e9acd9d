/// Runs tasks on the program's own worker threads, without libdispatch.
///
/// libdispatch looks up its threads in /proc, and traps where that is missing.
package final class WorkerExecutor: TaskExecutor {
  package init() {}

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = unsafe asUnownedTaskExecutor()
    WorkerThreads.run { unsafe job.runSynchronously(on: executor) }
  }
}
