internal import ArgumentParser
internal import Batch
private import Glibc
private import SystemSupport
private import TextSupport

/// The files of a batch.
struct InputArguments: ParsableArguments {
    @Argument(
        help: "Read these files, directories (with all below them), or - for audio on standard input.")
    var paths: [String] = []

    @Option(help: "Read paths from this file, one per line, or from standard input (-).")
    var filesFrom: String?

    @Flag(
        name: [.customShort("0"), .customLong("null")],
        help: "Paths in the list of --files-from end with NUL bytes, as `find -print0` writes them.")
    var hasNulls = false

    func validate() throws {
        if paths.isEmpty && filesFrom == nil {
            throw ValidationError("Nothing to read: name files, directories or -")
        }
        if hasNulls && filesFrom == nil {
            throw ValidationError("-0 (--null) applies to a list: add --files-from LIST")
        }
        let streams = paths.count { Self.standardInput.contains($0) }
        if streams > 0, let filesFrom, Self.standardInput.contains(filesFrom) {
            throw ValidationError("standard input is audio (-) or a list (--files-from -), not both")
        }
        if streams > 1 {
            throw ValidationError("standard input (-) can be read only once: name it once")
        }
    }

    /// Names of standard input.
    private static let standardInput: Set<String> = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]

    /// Whether exactly one recording was named.
    var isSingleFile: Bool {
        guard filesFrom == nil, paths.count == 1 else { return false }
        var status = stat()
        return stat(paths[0].systemPath, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR
    }

    /// The files; ends the program when a directory or list has none, before anything is loaded or written:
    /// an empty directory may be a drive that is not mounted.
    ///
    /// - Parameters:
    ///   - outputs: Files that are not counted in directories.
    ///   - destination: Where an interrupted run is resumed; `nil` when none is.
    func queue(outputs: OwnOutputs, resumes destination: BatchOutputs.Destination?) throws -> FileQueue {
        var files = FileQueue(paths: paths, listPath: filesFrom, hasNulls: hasNulls, outputs: outputs)
        if destination?.isComplete == true { files = files.withListInMemory() }
        if let problems = files.problems() {
            for problem in problems { Failure.warn(problem) }
            throw Failure.someFilesFailed
        }
        if destination?.isInterrupted == true, paths.count == 1, filesFrom == nil, paths[0] != "-",
            !StandardPaths.fileExists(paths[0])
        {
            throw Failure.general("\(paths[0]) does not exist: mount its drive and continue with --resume")
        }
        return files
    }
}

extension BatchOutputs.Destination {
    /// Whether nothing is left to do. Ends the program when the outputs are of other files or options.
    ///
    /// - Parameter outputs: The files that hold all recordings, in the order of the journal.
    func isComplete(
        _ fingerprint: ResumeFingerprint, _ files: FileQueue, outputs: [String], named output: String
    ) throws -> Bool {
        switch resumption(fingerprint, files, outputs: outputs) {
        case .proceed: return false
        case .retry(let path):
            Failure.warn("\(path) failed before and can be read now: repeating it and the files after it")
            return false
        case .refused(let reason): throw Failure.general(reason)
        case .complete(let count, let failed):
            let files = "\(count) file\(count == 1 ? "" : "s")"
            let failures = failed == 0 ? "" : ", of which \(failed) failed and would fail again"
            Failure.warn("\(output) is already complete (\(files)\(failures)); delete it to start over")
            if failed > 0 { throw Failure.someFilesFailed }
            return true
        }
    }
}

extension BatchRun.Result {
    /// Prints what the run left out and its totals; ends the program when it was interrupted or files failed.
    ///
    /// - Parameters:
    ///   - outputs: Files that were written; the first is that of --output.
    ///   - showsTotals: Whether the totals are printed.
    func report(hasEvents: Bool = false, outputs: [String], canResume: Bool, showsTotals: Bool) throws {
        if let signal = interruptedBy {
            let advice = canResume ? "; continue with --resume" : ""
            Failure.warn("interrupted: \(files) files are finished\(advice)")
            throw ExitCode(128 + signal)
        }
        if let skipped = skipped.sentence { Failure.warn(skipped) }
        if quietMixes > BatchRun.mostWarnings {
            Failure.warn("\(quietMixes) files have channels that cancel each other, or are mostly silent")
        }
        if filesWithTracks > BatchRun.mostWarnings {
            Failure.warn(
                "\(filesWithTracks) files have several audio tracks, of which only the first was read")
        }
        if omittedSeconds > 0, let seconds = FixedDecimals.text(omittedSeconds, decimals: 2) {
            Failure.warn("--min-window left out \(seconds) s at the ends of files")
        }
        if showsTotals { Failure.warn(sentence(hasEvents: hasEvents, outputs: outputs)) }
        if failed > 0 { throw Failure.someFilesFailed }
    }
}
