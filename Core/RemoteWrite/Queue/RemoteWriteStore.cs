using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// Where one owner of a tenant's series keeps what waits for the remote write endpoints, and finds what previous owners left:
/// <code>
/// remote-write/&lt;tenant's folder>/&lt;shard>/&lt;endpoint's name or host>-&lt;hash of name and URL>/&lt;epoch>/&lt;number>
/// </code>
/// What waits for an endpoint is never sent to another: an endpoint with another name or URL has another folder.
/// </summary>
public sealed partial class RemoteWriteStore
{
    /// <summary>How long to keep collections for an endpoint that is no longer configured, so that an endpoint removed by mistake can be put back.</summary>
    public static readonly TimeSpan LeftoverRetention = TimeSpan.FromDays(7);

    internal const string Root = "remote-write/";

    private const int MaxNameLength = 64;
    private const int ObjectsAtOnce = 16;

    private readonly IObjectStore _store;
    private readonly TenantId _tenant;
    private readonly string _folder;
    private readonly long _epoch;
    private readonly bool _fence;

    /// <param name="store">The store that holds the claim.</param>
    /// <param name="tenant">The tenant whose series wait.</param>
    /// <param name="shard">The shard, as in the claim.</param>
    /// <param name="epoch">The epoch of the claim.</param>
    /// <param name="fence">Whether the previous owner may still be alive; false only if it ended cleanly, or there was none.</param>
    public RemoteWriteStore(IObjectStore store, TenantId tenant, string shard, long epoch, bool fence)
    {
        if (!ObjectName.IsSegment(shard))
            throw new ArgumentException($"'{shard}' is not a valid shard name: a shard name is one segment of an object name", nameof(shard));
        ArgumentOutOfRangeException.ThrowIfLessThan(epoch, 1);
        _store = store;
        _tenant = tenant;
        _folder = FolderOf(tenant, shard);
        _epoch = epoch;
        _fence = fence;
    }

    internal static string FolderOf(TenantId tenant, string shard) => $"{Root}{TenantFolder.Of(tenant)}/{shard}/";

    /// <summary>The folder name of each endpoint. Two endpoints without names can have the same URL, and differ only in relabelling.</summary>
    internal static IReadOnlyDictionary<RemoteWriteEndpoint, string> EndpointFolders(IReadOnlyList<RemoteWriteEndpoint> endpoints)
    {
        var folders = new Dictionary<RemoteWriteEndpoint, string>();
        foreach (var endpoint in endpoints)
        {
            var name = EscapedSegment.Of(endpoint.Options.Name.Length > 0 ? endpoint.Options.Name : new Uri(endpoint.FullUrl).Host);
            var identity = SHA256.HashData(Encoding.UTF8.GetBytes($"{endpoint.Options.Name}\n{endpoint.FullUrl}"));
            var folder = $"{(name.Length > MaxNameLength ? name[..MaxNameLength] : name)}-{Convert.ToHexStringLower(identity.AsSpan(0, 8))}";
            var others = folders.Values.Count(other => other == folder || other.StartsWith(folder + ".", StringComparison.Ordinal));
            folders[endpoint] = others == 0 ? folder : $"{folder}.{others + 1}";
        }

        return folders;
    }

    /// <summary>Opens the queue of one endpoint.</summary>
    internal StoredQueue Open(string endpointFolder, IWritePermit? permit) => new(_store, $"{_folder}{endpointFolder}/", _epoch, _fence, permit);

    /// <summary>Logs what waits for endpoints that are no longer configured, and deletes it after <see cref="LeftoverRetention"/>.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    internal async Task SweepAsync(IReadOnlyCollection<string> configured, DateTimeOffset now, ILogger logger, CancellationToken cancellationToken)
    {
        var folders = await _store.ListFoldersAsync(_folder, cancellationToken).ConfigureAwait(false);
        foreach (var folder in folders.Except(configured).Order(StringComparer.Ordinal))
        {
            var objects = new List<ObjectInfo>();
            await foreach (var info in _store.ListAsync($"{_folder}{folder}/", cancellationToken).ConfigureAwait(false))
                objects.Add(info);

            var collectedAt = new DateTimeOffset[objects.Count];
            var options = new ParallelOptions { MaxDegreeOfParallelism = ObjectsAtOnce, CancellationToken = cancellationToken };
            await Parallel.ForAsync(0, objects.Count, options, async (i, cancellation) => collectedAt[i] = await CollectedAtAsync(objects[i], cancellation).ConfigureAwait(false)).ConfigureAwait(false);

            // Each collection goes by its own age; marks are not worth a log line.
            var isOld = Enumerable.Range(0, objects.Count).ToLookup(i => now - collectedAt[i] > LeftoverRetention, i => objects[i]);
            await _store.DeleteAllAsync([.. isOld[true].Select(static info => info.Name)], cancellationToken).ConfigureAwait(false);
            List<ObjectInfo> kept = [.. isOld[false].Where(IsCollection)], deleted = [.. isOld[true].Where(IsCollection)];
            if (kept.Count > 0)
                LogLeftover(logger, kept.Count, kept.Sum(static info => info.SizeBytes), _folder + folder, _tenant, LeftoverRetention.TotalDays);
            if (deleted.Count > 0)
                LogLeftoverDeleted(logger, deleted.Count, deleted.Sum(static info => info.SizeBytes), _folder + folder, _tenant, LeftoverRetention.TotalDays);
        }
    }

    /// <summary>Whether a listed object is a collection, not just a mark.</summary>
    internal static bool IsCollection(ObjectInfo info) => info.SizeBytes > CollectionFormat.HeaderBytes;

    private async Task<DateTimeOffset> CollectedAtAsync(ObjectInfo info, CancellationToken cancellationToken)
    {
        var head = new byte[CollectionFormat.HeaderBytes];
        return IsCollection(info)
            && await _store.ReadAsync(info.Name, 0, head, cancellationToken).ConfigureAwait(false) == head.Length
            && CollectionFormat.ReadHeader(head) is { } header
            ? DateTimeOffset.FromUnixTimeMilliseconds(header.TimestampMs)
            : info.LastModified;
    }

    [LoggerMessage(1618, LogLevel.Warning, "Found {Collections} collections of tenant {Tenant}, {Bytes} bytes, in {Folder} for a remote write endpoint that is no longer configured under this name and URL; they are kept for {Days} days")]
    private static partial void LogLeftover(ILogger logger, int collections, long bytes, string folder, TenantId tenant, double days);

    [LoggerMessage(1619, LogLevel.Warning, "Deleted {Collections} collections of tenant {Tenant}, {Bytes} bytes, in {Folder}: their remote write endpoint has not been configured for {Days} days")]
    private static partial void LogLeftoverDeleted(ILogger logger, int collections, long bytes, string folder, TenantId tenant, double days);
}
