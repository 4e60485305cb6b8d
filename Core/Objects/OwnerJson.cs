using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrleansTempo.Core.Objects;

/// <summary>The JSON of ownership records: every field is present, and states are camel-case words.</summary>
internal static class OwnerJson
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    public static byte[] Write<T>(T record) => JsonSerializer.SerializeToUtf8Bytes(record, s_json);

    /// <summary>Null if it is not such a record.</summary>
    public static T? Read<T>(ReadOnlySpan<byte> json)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, s_json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
