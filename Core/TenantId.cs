namespace OrleansTempo.Core;

/// <summary>
/// Names a tenant: at most 150 characters of <c>[a-zA-Z0-9!\-_.*'()]</c>, as Tempo validates <c>X-Scope-OrgID</c>,
/// and neither <c>.</c> nor <c>..</c>.
/// </summary>
public readonly record struct TenantId
{
    public const int MaxLength = 150;

    /// <summary>The tenant of all data when <c>multitenancy_enabled</c> is off.</summary>
    public static readonly TenantId Single = new("single-tenant");

    private TenantId(string value) => Value = value;

    public string Value { get; }

    /// <summary>Reads a tenant ID; on failure <paramref name="error"/> says what is wrong and what is allowed.</summary>
    public static bool TryParse(string? text, out TenantId tenant, out string error)
    {
        tenant = default;
        if (string.IsNullOrEmpty(text))
        {
            error = "no org id";
            return false;
        }

        if (text.Length > MaxLength)
        {
            error = $"tenant ID is too long: {text.Length} characters, at most {MaxLength} are allowed";
            return false;
        }

        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !"!-_.*'()".Contains(c))
            {
                error = $"tenant ID '{text}' contains unsupported character '{c}'; allowed are a-z, A-Z, 0-9 and !-_.*'()";
                return false;
            }
        }

        if (text is "." or "..")
        {
            error = $"tenant ID '{text}' is not allowed: it is a path segment";
            return false;
        }

        tenant = new TenantId(text);
        error = "";
        return true;
    }

    public override string ToString() => Value;
}
