using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using OrleansTempo.Core.Configuration.Storage;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// The write-ahead log as files in one directory:
/// <code>
/// AppendAsync ─┬─ nobody is writing: the caller writes its record, on its own thread, and then what
///              │  has queued up since, a commit at a time ──► segment n
///              └─ somebody is:  queue, ticket                      n-1, n-2, …  until released
/// </code>
/// With <see cref="WalSync.Interval"/>, a timer flushes the files to disk while writing continues. With <see cref="WalSync.Always"/>, a thread of the
/// log's own writes and flushes, and all callers queue behind its flush. A failed write is cut off again and fails only its own commit; the next one
/// starts afresh.
/// </summary>
public sealed partial class FileWriteAheadLog : IWriteAheadLog
{
    // After its own record, a caller writes at most this many commits for others; then a pool thread continues.
    private const int MaxFollowingCommits = 4;

    // A segment whose spans are all in blocks is not kept longer just because it is the current one.
    private static readonly TimeSpan s_idleRoll = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);

    // A commit of a few small requests.
    private const int TriedBytes = 16 << 10;

    private readonly string _directory;
    private readonly WalOptions _options;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WalDisk _disk;
    private readonly WalIdentity _identity;
    private readonly WalIdentity? _ownIdentity;
    private readonly WalTicketPool _tickets = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _flushTimer;
    private readonly Thread? _writer;
    private readonly AutoResetEvent _writerWake = new(false);
    private readonly long[] _replayable;
    private readonly long _firstNumber;
    private int _flushArmed;

    // Used only by the writer; who that is changes under _gate.
    private readonly WalCommit _commit = new();
    private bool _failing;
    private bool _rollFailing;

    private readonly Lock _gate = new();

    // Everything below is guarded by _gate; only the writer changes what it writes to, and it may read that without the lock.
    private readonly Queue<PendingWalRecord> _queue = new();
    private readonly List<WalSegmentFile> _unflushed = [];
    private WalSegmentFile _current;
    private bool _newEntries = true;
    private bool _writing;
    private bool _closed;
    private volatile bool _rollWanted;
    private long _currentNumber;
    private long _currentSince;

    private readonly Lock _troubleGate = new();

    // Guarded by _troubleGate: since when and why nothing can be written, and when that was last found; null while it can.
    private (long Since, long Tried, string Reason)? _trouble;
    private volatile bool _hasTrouble;

    private readonly Lock _releaseGate = new();

    // Guarded by _releaseGate: the segments before the current one, in order.
    private readonly List<long> _old;

    // The current segment as it was when released, guarded by _gate; what is appended afterwards is not released.
    private (long Number, long Length) _released;

    private FileWriteAheadLog(string directory, WalOptions options, WalIdentity identity, WalIdentity? ownIdentity, TempoMetrics metrics, TimeProvider time, ILogger logger, WalDisk disk)
    {
        _directory = directory;
        _options = options;
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _disk = disk;
        _identity = identity;
        _ownIdentity = ownIdentity;
        _old = WalSegmentFile.NumbersIn(_directory);
        _replayable = [.. _old];
        _currentNumber = _firstNumber = Math.Max(_old.LastOrDefault(), _identity.WrittenSegments.DefaultIfEmpty().Max()) + 1;
        _current = WalSegmentFile.Create(disk, _directory, _currentNumber);
        _metrics.WalSegments.Record(_old.Count + 1);
        _flushTimer = time.CreateTimer(static log => ((FileWriteAheadLog)log!).FlushOnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (options.Sync == WalSync.Always)
        {
            _writer = new Thread(RunWriter) { IsBackground = true, Name = "write-ahead log" };
            _writer.Start();
        }
    }

    public long CurrentSegment => Volatile.Read(ref _currentNumber);

    /// <inheritdoc/>
    public WalTrouble? Trouble
    {
        get
        {
            if (!_hasTrouble)
                return null;
            lock (_troubleGate)
            {
                // Nobody may send anything while it lasts, so that no commit would find out that it is over.
                if (_trouble is var (since, tried, _) && _time.GetElapsedTime(tried) >= s_retry)
                    _trouble = TryWrite() is { } failure ? (since, _time.GetTimestamp(), failure) : null;
                _hasTrouble = _trouble is not null;
                return _trouble is { } now ? new WalTrouble(now.Reason, _time.GetElapsedTime(now.Since), StopsAppends: false) : null;
            }
        }
    }

    /// <inheritdoc/>
    public Task<string> Lost { get; } = new TaskCompletionSource<string>().Task;

    /// <summary>Locks the directory <see cref="WalOptions.Path"/>, creating it if needed, opens the log in it, and begins a new segment.</summary>
    /// <exception cref="IOException">Another process uses the directory, or it cannot be written to.</exception>
    public static FileWriteAheadLog Open(WalOptions options, TempoMetrics metrics, TimeProvider time, ILogger logger) =>
        Open(options, metrics, time, logger, new WalDisk());

    /// <summary>Opens the log in the directory that the identity holds, and begins a new segment.</summary>
    /// <exception cref="IOException">The directory cannot be written to.</exception>
    public static FileWriteAheadLog Open(WalIdentity identity, WalOptions options, TempoMetrics metrics, TimeProvider time, ILogger logger) =>
        Open(identity, ownIdentity: null, options, metrics, time, logger, new WalDisk());

    internal static FileWriteAheadLog Open(WalOptions options, TempoMetrics metrics, TimeProvider time, ILogger logger, WalDisk disk)
    {
        var identity = WalIdentity.Claim(options.Path, logger, disk);
        return Open(identity, identity, options, metrics, time, logger, disk);
    }

    internal static FileWriteAheadLog Open(WalIdentity identity, WalIdentity? ownIdentity, WalOptions options, TempoMetrics metrics, TimeProvider time, ILogger logger, WalDisk disk)
    {
        var directory = identity.Directory ?? throw new ArgumentException("a file-based log needs an identity that holds a directory", nameof(identity));
        try
        {
            return new FileWriteAheadLog(directory, options, identity, ownIdentity, metrics, time, logger, disk);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ownIdentity?.Dispose();
            throw WalIdentity.CannotOpen(directory, e);
        }
    }

    /// <inheritdoc/>
    public ValueTask AppendAsync(TenantId tenant, ReadOnlyMemory<byte> request)
    {
        if (request.Length > WalFormat.MaxRequestBytes)
            return ValueTask.FromException(new IOException($"a request of {request.Length} bytes is too large for the write-ahead log; at most {WalFormat.MaxRequestBytes} bytes are allowed"));

        var record = new PendingWalRecord(tenant, request);
        WalTicket? ticket = null;
        bool idle;
        lock (_gate)
        {
            if (_closed)
                return ValueTask.FromException(new IOException("the write-ahead log is closed: the process is stopping"));
            idle = !_writing;
            _writing = true;
            if (!idle || _writer is not null)
            {
                ticket = _tickets.Rent();
                _queue.Enqueue(record.With(ticket));
            }
        }

        if (ticket is null)
        {
            _commit.TryAdd(record);
            var error = Commit();
            WriteQueued(MaxFollowingCommits);
            return error is null ? default : ValueTask.FromException(new IOException(error));
        }

        if (idle)
            _writerWake.Set();
        return ticket.Completion;
    }

    /// <inheritdoc/>
    public void Release(long segment)
    {
        lock (_releaseGate)
        {
            var released = _old.FindIndex(number => number >= segment) is var first and >= 0 ? first : _old.Count;
            if (released > 0)
            {
                _identity.NoteReleased(_old.Take(released));
                foreach (var number in _old.Take(released))
                    Delete(WalSegmentFile.PathOf(_directory, number));
                _old.RemoveRange(0, released);
                _metrics.WalSegments.Record(_old.Count + 1);
            }
        }

        if (segment > CurrentSegment)
        {
            lock (_gate)
                _released = (_current.Number, _current.Length);
        }

        if (segment >= CurrentSegment)
            RollIdle();
    }

    /// <inheritdoc/>
    public async Task<ReplayResult> ReplayAsync(Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken)
    {
        var result = default(ReplayResult);
        var reader = new WalSegmentReader();
        var written = _identity.WrittenSegments;
        foreach (var number in written.Except(_replayable).Where(number => number < _firstNumber))
            NoteMissing(number, "is gone");
        foreach (var number in _replayable)
        {
            var path = WalSegmentFile.PathOf(_directory, number);
            using var file = TryOpen(reader, number, path);
            if (file is null)
                continue;

            while (TryRead(reader, number, path, out var record))
            {
                cancellationToken.ThrowIfCancellationRequested();
                result = result with { Records = result.Records + 1, Bytes = result.Bytes + record.Request.Length };
                await replay(record).ConfigureAwait(false);
            }

            var torn = reader.Length - reader.GoodBytes;
            result = result with
            {
                Segments = result.Segments + (reader.Length > 0 ? 1 : 0),
                CorruptRecords = result.CorruptRecords + reader.CorruptRecords,
                TornBytes = result.TornBytes + torn,
            };
            if (reader.CorruptRecords > 0)
            {
                _metrics.ReplayErrors.Add(reader.CorruptRecords, new KeyValuePair<string, object?>("reason", "corrupt"));
                LogCorrupt(path, reader.CorruptRecords);
            }

            if (reader.GoodBytes == 0 && written.Contains(number))
            {
                NoteMissing(number, "is empty");
                Cut(path, 0);
            }
            else if (torn > 0)
            {
                _metrics.ReplayErrors.Add(1, new KeyValuePair<string, object?>("reason", "torn"));
                LogTorn(path, torn);
                Cut(path, reader.GoodBytes);
            }
        }

        return result;
    }

    /// <summary>Accepts no more records, writes the waiting ones, and closes the log.</summary>
    public async ValueTask DisposeAsync()
    {
        bool closed;
        lock (_gate)
        {
            closed = _closed;
            _closed = true;
            if (!_writing)
                _drained.TrySetResult();
        }

        await _drained.Task.ConfigureAwait(false);
        if (closed)
            return;

        // Woken with nothing to write, the writer ends.
        _writerWake.Set();
        _writer?.Join();
        await _flushTimer.DisposeAsync().ConfigureAwait(false);
        if (_options.Sync != WalSync.Never)
            FlushAll();
        // Emptied, not deleted, because numbering continues from it.
        if (_released == (_current.Number, _current.Length))
        {
            _identity.NoteReleased([_current.Number]);
            CutOff(_current, 0);
        }

        _current.Dispose();
        _writerWake.Dispose();
        _ownIdentity?.Dispose();
    }

    private void RunWriter()
    {
        while (true)
        {
            _writerWake.WaitOne();
            lock (_gate)
            {
                if (!_writing)
                    return;
            }

            WriteQueued(int.MaxValue);
        }
    }

    // Called by the writer, which stops being it here.
    private void WriteQueued(int maxCommits)
    {
        for (var commits = 0; ; commits++)
        {
            lock (_gate)
            {
                if (_queue.Count == 0 && !_rollWanted)
                {
                    _writing = false;
                    if (_closed)
                        _drained.TrySetResult();
                    return;
                }

                if (commits == maxCommits)
                    break;
                while (_queue.TryPeek(out var record) && _commit.TryAdd(record))
                    _queue.Dequeue();
            }

            Commit();
        }

        ThreadPool.UnsafeQueueUserWorkItem(static log => log.WriteQueued(int.MaxValue), this, preferLocal: false);
    }

    // Called by the writer: writes what is in _commit and completes its tickets. Returns the reason of a failure; never throws.
    private string? Commit()
    {
        if (_rollWanted || _current.Length >= _options.SegmentBytes)
            Roll();
        if (_commit.Records.IsEmpty)
            return null;

        string? error = null;
        var segment = _current;
        var begin = segment.Length;
        try
        {
            _commit.Compose(segment.Salt, begin == 0 ? segment.Number : null);
            segment.Write(_commit.Parts, _commit.Bytes + (begin == 0 ? WalFormat.SegmentHeaderBytes : 0));
            if (_options.Sync == WalSync.Always)
                FlushCommit(segment);
        }
        catch (Exception e)
        {
            CutOff(segment, begin);
            _metrics.WalWriteFailures.Add(1);
            error = $"cannot write to the write-ahead log '{segment.Path}': {e.Message}; the request was not stored. Send it again, and check that the disk has free space and works";
            if (!_failing)
                LogWriteFailed(e, segment.Path);
            _failing = true;
            NoteTrouble(e.Message);
        }

        if (error is null)
        {
            if (begin == 0)
            {
                Volatile.Write(ref _currentSince, _time.GetTimestamp());
                _identity.NoteWritten(segment.Number);
            }

            if (_options.Sync == WalSync.Interval)
                ArmFlush();
            _metrics.WalCommits.Add(1);
            _metrics.WalBytesWritten.Add(segment.Length - begin);
            if (_failing)
            {
                LogWritesAgain(segment.Path);
                NoteTrouble(null);
            }

            _failing = false;
        }

        foreach (ref readonly var record in _commit.Records)
            record.Ticket?.Complete(error);
        _commit.Clear();
        return error;
    }

    private void NoteTrouble(string? reason)
    {
        lock (_troubleGate)
        {
            var now = _time.GetTimestamp();
            _trouble = reason is null ? null : (_trouble?.Since ?? now, now, reason);
            _hasTrouble = reason is not null;
        }
    }

    // Writes a file beside the segments, and deletes it; returns the reason of a failure.
    private string? TryWrite()
    {
        var path = Path.Combine(_directory, "try~");
        try
        {
            try
            {
                using var file = _disk.Create(path);
                _disk.Write(file, [new byte[TriedBytes]], 0);
            }
            finally
            {
                File.Delete(path);
            }

            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private void FlushCommit(WalSegmentFile segment)
    {
        segment.Flush();
        if (!_newEntries)
            return;
        _disk.FlushDirectory(_directory);
        _newEntries = false;
    }

    // After a failure nobody knows what is on the disk past this point, so the next commit goes to a new file, unless this one is empty.
    private void CutOff(WalSegmentFile segment, long length)
    {
        _rollWanted = true;
        try
        {
            segment.CutTo(length);
        }
        catch (Exception e)
        {
            LogCutFailed(e, segment.Path, length);
        }
    }

    // Called by the writer. If it fails, the current segment continues, and the next commit tries again if the segment is too long.
    private void Roll()
    {
        _rollWanted = false;
        if (_current.Length == 0)
            return;

        WalSegmentFile next;
        try
        {
            next = WalSegmentFile.Create(_disk, _directory, _current.Number + 1);
        }
        catch (Exception e)
        {
            _metrics.WalWriteFailures.Add(1);
            if (!_rollFailing)
                LogRollFailed(e, _directory);
            _rollFailing = true;
            return;
        }

        _rollFailing = false;
        var last = _current;
        lock (_releaseGate)
        {
            _old.Add(last.Number);
            _metrics.WalSegments.Record(_old.Count + 1);
        }

        lock (_gate)
        {
            _current = next;
            _newEntries = true;
            if (_options.Sync == WalSync.Interval)
                _unflushed.Add(last);

            // Published only now: whoever reads it and then appends must not end up in an earlier segment.
            Volatile.Write(ref _currentNumber, next.Number);
        }

        if (_options.Sync != WalSync.Interval)
            last.Dispose();
    }

    private void RollIdle()
    {
        lock (_gate)
        {
            if (_closed || _current.Length == 0 || _time.GetElapsedTime(Volatile.Read(ref _currentSince)) < s_idleRoll)
                return;
            _rollWanted = true;
            if (_writing)
                return;
            _writing = true;
        }

        if (_writer is null)
            WriteQueued(int.MaxValue);
        else
            _writerWake.Set();
    }

    private void ArmFlush()
    {
        if (Interlocked.Exchange(ref _flushArmed, 1) == 0)
            _flushTimer.Change(_options.SyncInterval, Timeout.InfiniteTimeSpan);
    }

    private void FlushOnTimer()
    {
        FlushAll();

        // In this order, so that a commit that still found the timer armed is included here.
        Interlocked.Exchange(ref _flushArmed, 0);
        lock (_gate)
        {
            if (_closed || (_unflushed.Count == 0 && _current.IsFlushed))
                return;
        }

        ArmFlush();
    }

    // Called by one caller at a time: the timer, and after it Dispose.
    private void FlushAll()
    {
        WalSegmentFile[] rolled;
        WalSegmentFile current;
        bool newEntries;
        lock (_gate)
        {
            rolled = [.. _unflushed];
            _unflushed.Clear();
            current = _current;
            newEntries = _newEntries;
            _newEntries = false;
        }

        foreach (var segment in rolled)
        {
            Flush(segment.Flush, segment.Path);
            segment.Dispose();
        }

        // After a failed flush, later commits go to another file.
        if (!current.IsFlushed && !Flush(current.Flush, current.Path))
            _rollWanted = true;
        if (newEntries)
            Flush(() => _disk.FlushDirectory(_directory), _directory);
    }

    private bool Flush(Action flush, string path)
    {
        try
        {
            flush();
            return true;
        }
        catch (Exception e)
        {
            _metrics.WalWriteFailures.Add(1);
            LogFlushFailed(e, path);
            return false;
        }
    }

    // Under _releaseGate.
    private void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogDeleteFailed(e, path);
        }
    }

    // Null if it cannot be read, or has been released in the meantime.
    private SafeFileHandle? TryOpen(WalSegmentReader reader, long number, string path)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
            var opened = file;
            if (reader.TryOpen(number, RandomAccess.GetLength(file), (offset, target) => RandomAccess.Read(opened, target, offset), out var error))
                return file;
            SkipUnreadable(number, path, error);
        }
        catch (FileNotFoundException)
        {
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            SkipUnreadable(number, path, e.Message);
        }

        file?.Dispose();
        return null;
    }

    private bool TryRead(WalSegmentReader reader, long number, string path, out WalRecord record)
    {
        try
        {
            return reader.TryRead(out record);
        }
        catch (IOException e)
        {
            SkipUnreadable(number, path, e.Message);
            record = default;
            return false;
        }
    }

    // The file stays, so that somebody can still recover from it.
    private void SkipUnreadable(long number, string path, string error)
    {
        lock (_releaseGate)
        {
            _old.Remove(number);
            _metrics.WalSegments.Record(_old.Count + 1);
        }

        _identity.NoteReleased([number]);
        _metrics.ReplayErrors.Add(1, new KeyValuePair<string, object?>("reason", "unreadable"));
        LogUnreadable(path, error);
    }

    // Logged once: what is lost does not come back by itself.
    private void NoteMissing(long number, string how)
    {
        _identity.NoteReleased([number]);
        _metrics.ReplayErrors.Add(1, new KeyValuePair<string, object?>("reason", "missing"));
        LogMissing(WalSegmentFile.PathOf(_directory, number), how);
    }

    private void Cut(string path, long length)
    {
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.SetLength(file, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogCutFailed(e, path, length);
        }
    }

    [LoggerMessage(1402, LogLevel.Error, "The write-ahead log cannot be written to {Path}; requests are refused until it can. Free some space or repair the disk")]
    private partial void LogWriteFailed(Exception exception, string path);

    [LoggerMessage(1403, LogLevel.Information, "The write-ahead log can be written to {Path} again; requests are accepted")]
    private partial void LogWritesAgain(string path);

    [LoggerMessage(1404, LogLevel.Error, "The write-ahead log cannot start a new segment in {Path}; it continues in the last one")]
    private partial void LogRollFailed(Exception exception, string path);

    [LoggerMessage(1405, LogLevel.Error, "The disk failed to flush {Path}; anything written to it since the last flush may be lost if the machine goes down")]
    private partial void LogFlushFailed(Exception exception, string path);

    [LoggerMessage(1406, LogLevel.Warning, "The write-ahead log file {Path} could not be cut to its {Length} good bytes")]
    private partial void LogCutFailed(Exception exception, string path, long length);

    [LoggerMessage(1407, LogLevel.Warning, "The write-ahead log file {Path} is no longer needed, but could not be deleted; the next start replays it once more")]
    private partial void LogDeleteFailed(Exception exception, string path);

    [LoggerMessage(1408, LogLevel.Error, "The write-ahead log file {Path} cannot be read and is skipped: {Reason}. It stays where it is; delete it when nothing more can be recovered from it")]
    private partial void LogUnreadable(string path, string reason);

    [LoggerMessage(1409, LogLevel.Error, "The write-ahead log file {Path} has {Records} corrupt records, which were skipped")]
    private partial void LogCorrupt(string path, long records);

    [LoggerMessage(1410, LogLevel.Warning, "The write-ahead log file {Path} ends in a torn record, whose {Bytes} bytes are cut off. If the process died while it wrote that record, the request was not acknowledged, and nothing is lost. If the machine lost power, or something else cut the file, that request and those after it may have been acknowledged, and are lost")]
    private partial void LogTorn(string path, long bytes);

    [LoggerMessage(1411, LogLevel.Error, "The write-ahead log file {Path} {How}, although it held records: acknowledged spans that were not yet in blocks are lost. Only the log itself may delete or empty its files. If you have a copy of the file, stop this process, put the copy back, and start again")]
    private partial void LogMissing(string path, string how);
}
