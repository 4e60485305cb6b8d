using System.Buffers;
using System.Globalization;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Continuity;

/// <summary>
/// The records of its generator that one owner of a <see cref="WriterClaim"/> puts into the object store, so that the next owner
/// continues from the last collection that was sent, however this one ends:
/// <code>
/// generator-snapshots/&lt;tenant's folder>/&lt;shard>/&lt;epoch>-&lt;number>-whole     all series
///                                                   &lt;number + 1>-changes   those that have changed by the next collection
///                                                   &lt;number + 2>-changes
///                                                   &lt;number + 3>-whole     when changes outgrow the series; earlier records are deleted
/// </code>
/// A collection is sent only after its record has been put. One caller at a time.
/// </summary>
public sealed class SnapshotChain
{
    private const string Root = "generator-snapshots/";
    private const string Whole = "whole";
    private const string Changes = "changes";
    private const int ObjectsAtOnce = 16;

    // A start has to read all of them, however small they are.
    private const int MaxChanges = 100;

    private readonly IObjectStore _store;
    private readonly Retry _retry;
    private readonly string _folder;
    private readonly long _epoch;

    // Records that a later whole one has replaced.
    private readonly List<string> _obsolete = [];

    // The records that a start would read.
    private readonly List<string> _current = [];
    private long _next;
    private long _wholeBytes;
    private long _changeBytes;

    /// <param name="store">The store that holds the claim.</param>
    /// <param name="tenant">The tenant whose series are recorded.</param>
    /// <param name="shard">The shard, as in the claim.</param>
    /// <param name="epoch">The epoch of the claim.</param>
    /// <param name="time">The clock for retries.</param>
    public SnapshotChain(IObjectStore store, TenantId tenant, string shard, long epoch, TimeProvider time)
    {
        _store = store;
        _retry = new Retry(time);
        _folder = FolderOf(tenant, shard);
        _epoch = epoch;

        // Epochs restart if a claim could not be read, and records that an earlier owner left under the same epoch must not look newer.
        _next = time.GetUtcNow().ToUnixTimeMilliseconds();
    }

    /// <summary>Whether the last record was put, so that a start could restore from it.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>
    /// Makes the record of a generator, directly after a collection: of the changes, or of everything if that is smaller or if the
    /// previous record could not be put.
    /// </summary>
    public ChainRecord Record(TenantGenerator generator)
    {
        var output = new ArrayBufferWriter<byte>();
        var isWhole = !IsWhole || _current.Count > MaxChanges || !generator.TryWriteChanges(output) || _changeBytes + output.WrittenCount > _wholeBytes;
        if (isWhole)
        {
            output.ResetWrittenCount();
            generator.WriteSnapshot(output);
        }

        IsWhole = false;
        return new ChainRecord(Invariant($"{_folder}{_epoch}-{_next++}-{(isWhole ? Whole : Changes)}"), isWhole, output.WrittenMemory);
    }

    /// <summary>Puts the record that was made last.</summary>
    /// <returns>Null, or why it could not be put after several attempts; the next record is then a whole one.</returns>
    public async Task<string?> TryPutAsync(ChainRecord record, CancellationToken cancellationToken = default)
    {
        var (_, problem) = await _retry.SomeTimesAsync(() => _store.PutAsync(record.Name, record.Content, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (problem is not null)
        {
            // It may have been put after all.
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

    /// <summary>Deletes the records that no start needs any more; those that cannot be deleted are retried with the next call.</summary>
    public async Task TidyAsync(CancellationToken cancellationToken = default)
    {
        if (!IsWhole)
            return;
        var left = await _store.DeleteAllAsync(_obsolete, cancellationToken).ConfigureAwait(false);
        _obsolete.Clear();
        _obsolete.AddRange(left);
    }

    /// <summary>Deletes all records.</summary>
    public Task DeleteAsync(CancellationToken cancellationToken = default)
    {
        IsWhole = false;
        return _store.DeleteAllAsync([.. _obsolete, .. _current], cancellationToken);
    }

    /// <summary>Adopts what previous owners left, to be deleted once there is a record of this owner.</summary>
    public void Replace(StoredChain former) => _obsolete.AddRange(former.Names);

    /// <summary>Reads the records that an owner left.</summary>
    /// <param name="store">The store that holds the claim.</param>
    /// <param name="tenant">The tenant whose series are recorded.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="epoch">The epoch of the owner.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
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

        // From the last whole record on, and without a gap: a missing record was sent, too.
        var last = own.LastOrDefault(static r => r.Value.EndsWith(Whole, StringComparison.Ordinal));
        if (last.Value is null)
            return new StoredChain(names, [], own.Count == 0 ? "it left no snapshot" : "the record with all its series is missing");
        var chain = own.Where(r => r.Key >= last.Key).ToList();
        if (chain[^1].Key - last.Key != chain.Count - 1)
            return new StoredChain(names, [], Invariant($"only {chain.Count} of its records {last.Key} to {chain[^1].Key} were found"));

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
        return isGone ? new StoredChain(names, [], "its records were deleted while they were read") : new StoredChain(names, records, null);
    }

    private static string FolderOf(TenantId tenant, string shard) => $"{Root}{TenantFolder.Of(tenant)}/{shard}/";

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}

/// <summary>A <see cref="SnapshotChain"/> as found in the store.</summary>
/// <param name="Names">All objects of the series, whoever left them.</param>
/// <param name="Records">The snapshot and the changes after it; empty if there is a problem.</param>
/// <param name="Problem">Why nothing can be restored; null for no problem.</param>
public sealed record StoredChain(IReadOnlyList<string> Names, IReadOnlyList<ReadOnlyMemory<byte>> Records, string? Problem);

/// <summary>One record of a <see cref="SnapshotChain"/>, which must be put before its collection is sent.</summary>
/// <param name="Name">The name of the object.</param>
/// <param name="IsWhole">Whether it contains all series, and needs no record before it.</param>
/// <param name="Content">The bytes, see <c>docs/generator-snapshot.md</c>.</param>
public sealed record ChainRecord(string Name, bool IsWhole, ReadOnlyMemory<byte> Content);
