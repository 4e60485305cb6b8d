using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrleansTempo.Core.Ingester;

/// <summary>The object <c>owner</c> of a stream: which process writes to it, or takes it over.</summary>
/// <param name="Owner">Machine, process and a number of its own, for a human and to tell one's own from others'.</param>
/// <param name="Renewed">When the owner last said so, by its clock.</param>
/// <param name="State">What is to be expected of it.</param>
internal sealed record WalOwner(string Owner, DateTimeOffset Renewed, WalOwnerState State)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    /// <summary>Null where that is no owner's record.</summary>
    public static WalOwner? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<WalOwner>(json, s_json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, s_json);
}
