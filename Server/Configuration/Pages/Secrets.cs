namespace OrleansTempo.Server.Configuration.Pages;

/// <summary>What must not be shown, and what stands in its place.</summary>
internal static class Secrets
{
    public const string Mask = "<secret>";

    private static readonly string[] Telling = ["auth", "key", "token", "secret", "password", "cookie", "credential"];

    /// <summary>Whether a header of this name likely carries a credential.</summary>
    public static bool IsTellingHeader(string name) => Telling.Any(part => name.Contains(part, StringComparison.OrdinalIgnoreCase));
}
