using System.Text.Json.Nodes;

namespace OrleansTempo.Server.UserOverrides;

/// <summary>JSON merge patch, RFC 7396: objects are merged field by field, null removes, anything else replaces.</summary>
internal static class MergePatch
{
    /// <summary>What <paramref name="target"/> becomes; neither argument is changed.</summary>
    public static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
            return patch?.DeepClone();

        var result = target is JsonObject former ? (JsonObject)former.DeepClone() : [];
        foreach (var (name, change) in changes)
        {
            if (change is null)
                result.Remove(name);
            else
                result[name] = Apply(result[name], change);
        }

        return result;
    }
}
