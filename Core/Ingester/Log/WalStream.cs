using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// One stream of the write-ahead log in the object store, as its owner and its adopter see it:
/// <code>
/// wal/&lt;stream&gt;/owner                  who writes here; replaced only by conditional puts
/// wal/&lt;stream&gt;/00000000000000000001   a segment; put only if absent, one after another
/// wal/&lt;stream&gt;/00000000000000000002   fence: put by the stream's next owner, so that the former one puts nothing more
/// </code>
/// </summary>
internal sealed partial class WalStream
{
    private const string Root = "wal/";

    // Half an hour of log is many thousand objects, and a start must not wait for each one in turn.
    private const int MaxAhead = 4;

    private readonly IObjectStore _store;
    private readonly TempoMetrics _metrics;
    private readonly ILogger _logger;
    private readonly string _folder;
    private readonly WalSegmentReader _reader = new();

    public WalStream(IObjectStore store, string name, TempoMetrics metrics, ILogger logger)
    {
        _store = store;
        _metrics = metrics;
        _logger = logger;
        _folder = $"{Root}{name}/";
    }

    /// <summary>The name of the stream's owner record, a <see cref="WalOwner"/>.</summary>
    public string OwnerName => _folder + "owner";

    /// <summary>The names of all streams.</summary>
    public static Task<IReadOnlyList<string>> ListAsync(IObjectStore store, CancellationToken cancellationToken) => store.ListFoldersAsync(Root, cancellationToken);

    public string SegmentName(long number) => string.Create(CultureInfo.InvariantCulture, $"{_folder}{number:D20}");

    /// <summary>The numbers of its segments and fences, in order.</summary>
    public async Task<List<long>> ListSegmentsAsync(CancellationToken cancellationToken)
    {
        var numbers = new List<long>();
        await foreach (var info in _store.ListAsync(_folder, cancellationToken).ConfigureAwait(false))
        {
            if (long.TryParse(info.Name.AsSpan(_folder.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                numbers.Add(number);
        }

        numbers.Sort();
        return numbers;
    }

    /// <summary>
    /// Puts a fence where the stream's next segment would go. It is effective if it is the last object: had the former owner continued behind it, its
    /// segment would be there.
    /// </summary>
    /// <param name="owner">The owner record of the process that puts it.</param>
    /// <param name="cancellationToken">May leave an ineffective fence behind, which does no harm.</param>
    /// <returns>The numbers of segments and fences, in order; the last is this fence's.</returns>
    public async Task<List<long>> FenceAsync(ReadOnlyMemory<byte> owner, CancellationToken cancellationToken)
    {
        byte[] content = [.. WalFormat.FenceMagic, .. owner.Span];
        long? fence = null;
        while (true)
        {
            var segments = await ListSegmentsAsync(cancellationToken).ConfigureAwait(false);
            var last = segments.Count == 0 ? 0 : segments[^1];
            if (last == fence)
                return segments;
            fence = await _store.PutIfAbsentAsync(SegmentName(last + 1), content, cancellationToken).ConfigureAwait(false) is null ? null : last + 1;
        }
    }

    /// <summary>Whether the object of that number is a fence, and who put it, if readable.</summary>
    public async Task<(bool IsFence, WalOwner? By)> ReadFenceAsync(long number, CancellationToken cancellationToken)
    {
        // Reads only the beginning first: it is usually a segment, and may be large.
        var magic = new byte[WalFormat.FenceMagic.Length];
        if (await _store.ReadAsync(SegmentName(number), 0, magic, cancellationToken).ConfigureAwait(false) < magic.Length || !magic.AsSpan().SequenceEqual(WalFormat.FenceMagic))
            return (false, null);
        return await _store.GetAsync(SegmentName(number), cancellationToken).ConfigureAwait(false) is { } fence
            ? (true, WalOwner.Read(fence.Content.Span[magic.Length..]))
            : (false, null);
    }

    /// <summary>
    /// Hands the records of segments to <paramref name="replay"/>, one after another without waiting for the calls to complete, so that one commit
    /// can carry many. The records of a segment stay readable until all its calls have completed.
    /// </summary>
    /// <param name="numbers">The segments, in order.</param>
    /// <param name="replay">Takes a record.</param>
    /// <param name="atOnce">How many segments may be under way: the calls for the next one begin before those for the last one have completed.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>For each number, what was found: empty if there is no segment, null if it cannot be read, which is logged and counted.</returns>
    public async IAsyncEnumerable<(long Number, ReplayResult? Found)> ReplayAsync(
        IReadOnlyList<long> numbers, Func<WalRecord, ValueTask> replay, int atOnce, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var ahead = new Queue<Task<StoredObject?>>();
        var underWay = new Queue<(long Number, Task<ReplayResult?> Found)>();
        var asked = 0;
        foreach (var number in numbers)
        {
            while (asked < numbers.Count && ahead.Count < Math.Max(MaxAhead, atOnce))
                ahead.Enqueue(_store.GetAsync(SegmentName(numbers[asked++]), cancellationToken));

            // Missing if its owner has released it in the meantime.
            var there = await ahead.Dequeue().ConfigureAwait(false);
            underWay.Enqueue((number, there is { } segment && !segment.Content.Span.StartsWith(WalFormat.FenceMagic)
                ? ReplayAsync(number, segment.Content, replay, cancellationToken)
                : Task.FromResult<ReplayResult?>(default(ReplayResult))));
            if (underWay.Count == atOnce)
                yield return await NextAsync().ConfigureAwait(false);
        }

        while (underWay.Count > 0)
            yield return await NextAsync().ConfigureAwait(false);

        async Task<(long Number, ReplayResult? Found)> NextAsync()
        {
            var (number, found) = underWay.Dequeue();
            return (number, await found.ConfigureAwait(false));
        }
    }

    public Task DeleteAsync(long number, CancellationToken cancellationToken) => _store.DeleteAsync(SegmentName(number), cancellationToken);

    /// <summary>Deletes the whole stream, the owner record last: without it, the rest would look like an orphan.</summary>
    public async Task DeleteAsync(CancellationToken cancellationToken)
    {
        foreach (var number in await ListSegmentsAsync(cancellationToken).ConfigureAwait(false))
            await DeleteAsync(number, cancellationToken).ConfigureAwait(false);
        await _store.DeleteAsync(OwnerName, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ReplayResult?> ReplayAsync(long number, ReadOnlyMemory<byte> segment, Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken)
    {
        if (!_reader.TryOpen(number, segment, out var error))
        {
            CountError(1, "unreadable");
            LogUnreadable(_logger, SegmentName(number), error);
            return null;
        }

        var result = new ReplayResult { Segments = 1 };
        var replaying = new List<Task>();
        while (_reader.TryRead(out var record))
        {
            cancellationToken.ThrowIfCancellationRequested();
            result = result with { Records = result.Records + 1, Bytes = result.Bytes + record.Request.Length };
            replaying.Add(replay(record).AsTask());
        }

        // Read before it waits: the next segment may be opened meanwhile.
        var (torn, good, corrupt) = (_reader.Length - _reader.GoodBytes, _reader.GoodBytes, _reader.CorruptRecords);
        await Task.WhenAll(replaying).ConfigureAwait(false);
        if (good == 0)
        {
            // Segments are never put empty.
            CountError(1, "missing");
            LogEmptied(_logger, SegmentName(number));
        }
        else if (corrupt > 0 || torn > 0)
        {
            CountError(corrupt, "corrupt");
            CountError(torn > 0 ? 1 : 0, "torn");
            LogDamaged(_logger, SegmentName(number), corrupt, torn);
        }

        return result with { CorruptRecords = corrupt, TornBytes = torn };
    }

    private void CountError(long count, string reason)
    {
        if (count > 0)
            _metrics.ReplayErrors.Add(count, new KeyValuePair<string, object?>("reason", reason));
    }

    [LoggerMessage(1423, LogLevel.Error, "The write-ahead log object {Object} cannot be read and is skipped: {Reason}. It stays where it is; delete it when nothing more can be recovered from it")]
    private static partial void LogUnreadable(ILogger logger, string @object, string reason);

    [LoggerMessage(1424, LogLevel.Error, "The write-ahead log object {Object} is empty, although it held records: acknowledged spans that were not yet in blocks are lost. Only the log itself may change its objects")]
    private static partial void LogEmptied(ILogger logger, string @object);

    [LoggerMessage(1425, LogLevel.Error, "The write-ahead log object {Object} has {Records} corrupt records and {TornBytes} bytes of a torn one, which were skipped")]
    private static partial void LogDamaged(ILogger logger, string @object, long records, long tornBytes);
}
