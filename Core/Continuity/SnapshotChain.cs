using System.Buffers;
using System.Globalization;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Continuity;

/// <summary>
/// What one owner of a <see cref="WriterClaim"/> has put into the object store of its generator, so that the next goes on from the last
/// collection that was sent, however this one ends:
/// <code>
/// generator-snapshots/&lt;tenant's folder>/&lt;shard>/&lt;epoch>-&lt;number>-whole     all series
///                                                   &lt;number + 1>-changes   those of them that have changed at the next collection
///                                                   &lt;number + 2>-changes
///                                                   &lt;number + 3>-whole     when changes are more than series: those before go
/// </code>
/// A collection is sent when its record has been put, and only then. One caller at a time.
/// </summary>
public sealed class SnapshotChain
{
    private const string Root = "generator-snapshots/";
    private const string Whole = "whole";
    private const string Changes = "changes";
    private const int ObjectsAtOnce = 16;

    // A start reads all of them, however small they are.
    private const int MostChanges = 100;

    private readonly IObjectStore _store;
    private readonly Retry _retry;
    private readonly string _folder;
    private readonly long _epoch;

    // Records of which a later one says all.
    private readonly List<string> _obsolete = [];

    // Those that a start would read.
    private readonly List<string> _current = [];
    private long _next;
    private long _wholeBytes;
    private long _changeBytes;

    /// <param name="store">The claim's own.</param>
    /// <param name="tenant">Whose series.</param>
    /// <param name="shard">Which part of them, as the claim has it.</param>
    /// <param name="epoch">The claim's.</param>
    /// <param name="time">The clock of retries.</param>
    public SnapshotChain(IObjectStore store, TenantId tenant, string shard, long epoch, TimeProvider time)
    {
        _store = store;
        _retry = new Retry(time);
        _folder = FolderOf(tenant, shard);
        _epoch = epoch;

        // Epochs begin again where a claim could not be read; what an owner of the same epoch left then must not look newer.
        _next = time.GetUtcNow().ToUnixTimeMilliseconds();
    }

    /// <summary>Whether the last record was put, so that a start would go on from it.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>
    /// Makes the record of a generator, directly after a collection of it: of what has changed, or of everything where that is
    /// less, or the record before did not come through.
    /// </summary>
    public ChainRecord Record(TenantGenerator generator)
    {
        var output = new ArrayBufferWriter<byte>();
        var isWhole = !IsWhole || _current.Count > MostChanges || !generator.TryWriteChanges(output) || _changeBytes + output.WrittenCount > _wholeBytes;
        if (isWhole)
        {
            output.ResetWrittenCount();
            generator.WriteSnapshot(output);
        }

        IsWhole = false;
        return new ChainRecord(Invariant($"{_folder}{_epoch}-{_next++}-{(isWhole ? Whole : Changes)}"), isWhole, output.WrittenMemory);
    }

    /// <summary>Puts a record, the last one made.</summary>
    /// <returns>Null, or why it could not be put after some attempts: the next record is one of everything then.</returns>
    public async Task<string?> TryPutAsync(ChainRecord record, CancellationToken cancellationToken = default)
    {
        var (_, problem) = await _retry.SomeTimesAsync(() => _store.PutAsync(record.Name, record.Content, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (problem is not null)
        {
            // Perhaps it is there.
            _obsolete.Add(record.Name);
            return problem;
        }

        IsWhole = true;
        if (record.IsWhole)
        {
            _obsolete.AddRange(_current);
            _current.Clear();
            _wholeBytes = record.Content.Length;
            _changeBytes = 0;
        }
        else
        {
            _changeBytes += record.Content.Length;
        }

        _current.Add(record.Name);
        return null;
    }

    /// <summary>Deletes the records that no start needs any more; one that cannot be deleted has its turn again.</summary>
    public async Task TidyAsync(CancellationToken cancellationToken = default)
    {
        if (!IsWhole)
            return;
        var left = await _store.DeleteAllAsync(_obsolete, cancellationToken).ConfigureAwait(false);
        _obsolete.Clear();
        _obsolete.AddRange(left);
    }

    /// <summary>Deletes all of it.</summary>
    public Task DeleteAsync(CancellationToken cancellationToken = default)
    {
        IsWhole = false;
        return _store.DeleteAllAsync([.. _obsolete, .. _current], cancellationToken);
    }

    /// <summary>Takes over what owners before have left, to be deleted when there is a record of this one.</summary>
    public void Replace(StoredChain former) => _obsolete.AddRange(former.Names);

    /// <summary>Reads what an owner has left.</summary>
    /// <param name="store">The claim's own.</param>
    /// <param name="tenant">Whose series.</param>
    /// <param name="shard">Which part of them.</param>
    /// <param name="epoch">The owner's.</param>
    /// <param name="cancellationToken">As an <see cref="IOException"/>.</param>
    /// <exception cref="IOException">The store fails.</exception>
    public static async Task<StoredChain> ReadAsync(IObjectStore store, TenantId tenant, string shard, long epoch, CancellationToken cancellationToken = default)
    {
        var folder = FolderOf(tenant, shard);
        var names = new List<string>();
        var own = new SortedDictionary<long, string>();
        await foreach (var info in store.ListAsync(folder, cancellationToken).ConfigureAwait(false))
        {
            names.Add(info.Name);
            if (info.Name[folder.Length..].Split('-') is [var of, var number, Whole or Changes]
                && of == epoch.ToString(CultureInfo.InvariantCulture)
                && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var n))
                own[n] = info.Name;
        }

        // From the last record of everything on, and without a gap: what is missing was sent.
        var last = own.LastOrDefault(static r => r.Value.EndsWith(Whole, StringComparison.Ordinal));
        if (last.Value is null)
            return new StoredChain(names, [], own.Count == 0 ? "it left no snapshot" : "the record of all its series is missing");
        var chain = own.Where(r => r.Key >= last.Key).ToList();
        if (chain[^1].Key - last.Key != chain.Count - 1)
            return new StoredChain(names, [], Invariant($"of its records {last.Key} to {chain[^1].Key} there are {chain.Count}"));

        var records = new ReadOnlyMemory<byte>[chain.Count];
        var isGone = false;
        var options = new ParallelOptions { MaxDegreeOfParallelism = ObjectsAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, records.Length, options, async (i, cancellation) =>
        {
            if (await store.GetAsync(chain[i].Value, cancellation).ConfigureAwait(false) is { } there)
                records[i] = there.Content;
            else
                isGone = true;
        }).ConfigureAwait(false);
        return isGone ? new StoredChain(names, [], "its records have been deleted meanwhile") : new StoredChain(names, records, null);
    }

    private static string FolderOf(TenantId tenant, string shard) => $"{Root}{TenantFolder.Of(tenant)}/{shard}/";

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}

/// <summary>A <see cref="SnapshotChain"/> as it was found.</summary>
/// <param name="Names">All objects there are of the series, whoever left them.</param>
/// <param name="Records">The snapshot and the changes after it; empty where there is a problem.</param>
/// <param name="Problem">Why there is nothing to go on from; null where there is.</param>
public sealed record StoredChain(IReadOnlyList<string> Names, IReadOnlyList<ReadOnlyMemory<byte>> Records, string? Problem);

/// <summary>One record of a <see cref="SnapshotChain"/>, to be put before the collection that it was made of is sent.</summary>
/// <param name="Name">The object's name.</param>
/// <param name="IsWhole">Whether it says all, and needs none before it.</param>
/// <param name="Content">Its bytes, see <c>docs/generator-snapshot.md</c>.</param>
public sealed record ChainRecord(string Name, bool IsWhole, ReadOnlyMemory<byte> Content);
