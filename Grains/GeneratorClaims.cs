namespace OrleansTempo.Grains;

/// <summary>What the claim of a metrics-generator grain is called: as the part of its key, which is empty for a tenant that is one grain.</summary>
internal static class GeneratorClaims
{
    private const string WholeTenant = "all";

    public static string NameOf(string part) => part.Length == 0 ? WholeTenant : part;

    public static string PartOf(string name) => name == WholeTenant ? "" : name;
}
