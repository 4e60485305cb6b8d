using System.Numerics;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// How many acknowledged spans wait in this process's queues for metrics-generators. A bound of that is in the object store, for each stream of the
/// write-ahead log, so that once another process has adopted the log of one that crashed, somebody says how many spans are missing from the metrics:
/// <code>
/// queued-spans/&lt;stream>    {"spans":4096}    put before a request is answered with which there may be more; deleted by an orderly stop
/// </code>
/// If nobody can adopt the log, because it is in files, nothing is said. Safe for concurrent use.
/// </summary>
public sealed partial class QueuedSpans
{
    private const string Folder = "queued-spans/";

    // More than usually wait for one call, so that there is one put in the life of most processes.
    private const long LeastBound = 4096;

    // An answer does not wait longer: if the store fails, the log does too, and nothing is acknowledged.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(1);

    private readonly IObjectStore _store;
    private readonly string? _stream;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    // One put at a time.
    private readonly SemaphoreSlim _putting = new(1);
    private long _spans;
    private long _bound;

    // At the last sweep.
    private long _before;
    private bool _isEnded;

    /// <param name="store">Where the streams are.</param>
    /// <param name="stream">The stream that this process writes to; null if its log is in files.</param>
    /// <param name="metrics">The process's own metrics.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The process's log.</param>
    public QueuedSpans(IObjectStore store, string? stream, TempoMetrics metrics, TimeProvider time, ILogger logger)
    {
        _store = store;
        _stream = stream;
        _metrics = metrics;
        _time = time;
        _logger = logger;
    }

    /// <summary>Notes spans that have been queued.</summary>
    public void Add(int spans) => Interlocked.Add(ref _spans, spans);

    /// <summary>Notes spans that are not in the queue any more.</summary>
    public void Remove(int spans) => Interlocked.Add(ref _spans, -spans);

    /// <summary>Completes when the store says that so many spans may be queued: nearly always at once.</summary>
    public Task SayAsync() => _stream is null || Interlocked.Read(ref _spans) <= Volatile.Read(ref _bound)
        ? Task.CompletedTask
        : RaiseInTimeAsync();

    /// <summary>Counts what the previous process of the same stream left, which has crashed.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (_stream is not null)
            await CountAsync(_stream, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Counts what processes left whose logs have been adopted, each by one process; and says less again after a burst.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public async Task SweepAsync(CancellationToken cancellationToken = default)
    {
        var left = new List<string>();
        await foreach (var info in _store.ListAsync(Folder, cancellationToken).ConfigureAwait(false))
            left.Add(info.Name[Folder.Length..]);
        foreach (var stream in left)
        {
            if (stream != _stream && await IsAdoptedAsync(stream, cancellationToken).ConfigureAwait(false))
                await CountAsync(stream, cancellationToken).ConfigureAwait(false);
        }

        await LowerAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>An orderly stop: nothing is queued any more.</summary>
    /// <param name="isEmpty">Whether everything was handed over. Otherwise what was dropped at the last moment is said by the process that adopts the log.</param>
    /// <exception cref="IOException">The store fails.</exception>
    public async Task EndAsync(bool isEmpty)
    {
        await _putting.WaitAsync().ConfigureAwait(false);
        _isEnded = true;
        _putting.Release();
        if (isEmpty && _stream is not null)
            await _store.DeleteAsync(Folder + _stream).ConfigureAwait(false);
    }

    private static long BoundFor(long spans) => Math.Max(LeastBound, (long)BitOperations.RoundUpToPowerOf2((ulong)spans * 2));

    private async Task RaiseInTimeAsync() => await RaiseAsync().WaitAsync(s_longestWait, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task RaiseAsync()
    {
        await _putting.WaitAsync().ConfigureAwait(false);
        try
        {
            while (!_isEnded && Interlocked.Read(ref _spans) is var spans && spans > _bound)
            {
                await PutAsync(BoundFor(spans), CancellationToken.None).ConfigureAwait(false);
                Volatile.Write(ref _bound, BoundFor(spans));
            }
        }
        catch (IOException e)
        {
            LogNotSaid(_logger, e.Message);
        }
        finally
        {
            _putting.Release();
        }
    }

    private async Task LowerAsync(CancellationToken cancellationToken)
    {
        await _putting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var spans = Interlocked.Read(ref _spans);
            var bound = BoundFor(Math.Max(_before, spans));
            _before = spans;
            if (_isEnded || bound * 2 >= _bound)
                return;

            // From now on answers go by the lower number.
            Volatile.Write(ref _bound, bound);
            await PutAsync(bound, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _putting.Release();
        }
    }

    private Task PutAsync(long spans, CancellationToken cancellationToken) =>
        _store.PutAsync(Folder + _stream, OwnerJson.Write(new Left(spans)), cancellationToken);

    private async Task<bool> IsAdoptedAsync(string stream, CancellationToken cancellationToken) =>
        await _store.GetAsync(new WalStream(_store, stream, _metrics, _logger).OwnerName, cancellationToken).ConfigureAwait(false) is not { } there
        || WalOwner.Read(there.Content.Span) is { State: WalOwnerState.Adopted or WalOwnerState.Unreadable };

    private async Task CountAsync(string stream, CancellationToken cancellationToken)
    {
        if (await _store.GetAsync(Folder + stream, cancellationToken).ConfigureAwait(false) is not { } there
            || !await _store.DeleteIfMatchAsync(Folder + stream, there.ETag, cancellationToken).ConfigureAwait(false)
            || OwnerJson.Read<Left>(there.Content.Span) is not { Spans: > 0 } left)
            return;
        _metrics.GeneratorSpansLost.Add(left.Spans, new KeyValuePair<string, object?>("tenant", ""));
        LogLost(_logger, stream, left.Spans);
    }

    private sealed record Left(long Spans);

    [LoggerMessage(1440, LogLevel.Warning, "The process of the write-ahead log stream {Stream} ended without notice. Its traces are safe, but at most {Spans} spans in its queues for metrics-generators are missing from the metrics")]
    private static partial void LogLost(ILogger logger, string stream, long spans);

    [LoggerMessage(1441, LogLevel.Warning, "Cannot put into the object store how many spans wait for metrics-generators; if this process ended now without notice, nobody would say how many are missing from the metrics: {Reason}")]
    private static partial void LogNotSaid(ILogger logger, string reason);
}
