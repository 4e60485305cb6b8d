using System.Text.Json;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Silo.Membership;

/// <summary>
/// The settings that must be equal in all silos of a cluster: an object in their store that the first silo writes and the others compare
/// with. A silo that runs alone does not use it.
/// </summary>
/// <param name="Partitions"><c>ingester.partitions</c>, which determines the ingester of a trace.</param>
/// <param name="ClusterId"><c>Orleans:ClusterId</c>: two clusters on one store would take each other's logs and series.</param>
/// <param name="ServiceId"><c>Orleans:ServiceId</c>, which determines where the state of grains is stored.</param>
/// <param name="StoreId">The unique ID of this store; the first silo creates it.</param>
internal sealed record ClusterAgreement(int Partitions, string ClusterId, string ServiceId, string StoreId = "")
{
    public const string ObjectName = "cluster.json";

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    /// <summary>Checks that the others have the same settings, or writes them as the first silo.</summary>
    /// <returns>The agreement with the store's ID.</returns>
    /// <exception cref="ArgumentException">The others have different settings; the message says which, and what to do.</exception>
    /// <exception cref="IOException">The store cannot be read or written.</exception>
    public async Task<ClusterAgreement> JoinAsync(IObjectStore store, CancellationToken cancellationToken)
    {
        var mine = this with { StoreId = Guid.NewGuid().ToString("N") };
        if (await store.PutIfAbsentAsync(ObjectName, Write(mine), cancellationToken) is not null)
            return mine;

        while (true)
        {
            // The object is gone again: somebody deletes it while silos start.
            var stored = await store.GetAsync(ObjectName, cancellationToken)
                ?? throw new IOException($"'{ObjectName}' was deleted from the store while this silo was starting; start it again");
            var others = Read(stored.Content.Span);
            Compare("ingester.partitions", Partitions, others.Partitions);

            // Written by a version that only stored the partitions.
            if (others.StoreId is { Length: > 0 })
            {
                Compare("Orleans:ClusterId", ClusterId, others.ClusterId);
                Compare("Orleans:ServiceId", ServiceId, others.ServiceId);
                return others;
            }

            if (await store.PutIfMatchAsync(ObjectName, Write(mine), stored.ETag, cancellationToken) is not null)
                return mine;
        }
    }

    private static void Compare<T>(string setting, T here, T there)
    {
        if (!EqualityComparer<T>.Default.Equals(here, there))
        {
            throw new ArgumentException(
                $"{setting} is {here} here but {there} in the other silos, according to the object '{ObjectName}' in their store; "
                + $"set it to {there} here as well, or to change it everywhere stop all silos, delete that object, and start them with the new value");
        }
    }

    private static byte[] Write(ClusterAgreement agreement) => JsonSerializer.SerializeToUtf8Bytes(agreement, s_json);

    private static ClusterAgreement Read(ReadOnlySpan<byte> json)
    {
        try
        {
            if (JsonSerializer.Deserialize<ClusterAgreement>(json, s_json) is { Partitions: > 0 } agreement)
                return agreement;
        }
        catch (JsonException)
        {
            // Reported below, like JSON with other content.
        }

        throw new ArgumentException($"the object '{ObjectName}' in the store is not in the format that silos write, {{\"partitions\":8, …}}; stop all silos, delete it, and start them again");
    }
}
