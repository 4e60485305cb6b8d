using System.Text.Json;
using OrleansTempo.Core.Storage;

namespace OrleansTempo.Silo.Membership;

/// <summary>
/// What all silos of a cluster have to be configured alike: an object in their store that the first of them writes, and the
/// others compare with.
/// </summary>
/// <param name="Partitions"><c>ingester.partitions</c>: a trace's ingester is found by it.</param>
internal sealed record ClusterAgreement(int Partitions)
{
    public const string ObjectName = "cluster.json";

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    /// <summary>Agrees to what the others have, or is the first to say it.</summary>
    /// <exception cref="ArgumentException">The others have something else; the message says what, and what to do.</exception>
    /// <exception cref="IOException">The store cannot be read or written.</exception>
    public async Task JoinAsync(IObjectStore store, CancellationToken cancellationToken)
    {
        if (await store.PutIfAbsentAsync(ObjectName, JsonSerializer.SerializeToUtf8Bytes(this, s_json), cancellationToken) is not null)
            return;

        // Gone since: somebody is deleting it while silos start, and has to make up his mind.
        var stored = await store.GetAsync(ObjectName, cancellationToken)
            ?? throw new IOException($"'{ObjectName}' was deleted from the store while this silo started; start it again");
        var others = Read(stored.Content.Span);
        if (others.Partitions != Partitions)
        {
            throw new ArgumentException(
                $"ingester.partitions is {Partitions} here and {others.Partitions} in the other silos, as the object '{ObjectName}' of their store says; "
                + $"write {others.Partitions} here as well, or to change it stop all silos, delete that object, and start them with the new number");
        }
    }

    private static ClusterAgreement Read(ReadOnlySpan<byte> json)
    {
        try
        {
            if (JsonSerializer.Deserialize<ClusterAgreement>(json, s_json) is { Partitions: > 0 } agreement)
                return agreement;
        }
        catch (JsonException)
        {
            // Said below, as of JSON that is something else.
        }

        throw new ArgumentException($"the object '{ObjectName}' of the store is not what silos write there, {{\"partitions\":8}}; stop all silos, delete it, and start them again");
    }
}
