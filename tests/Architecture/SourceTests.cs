using System.Text.RegularExpressions;

namespace OrleansTempo.Architecture;

/// <summary>Where source files are, and how many together.</summary>
public sealed partial class SourceTests
{
    private const int MaxFiles = 25;

    private static readonly Dictionary<string, string> s_elsewhere = new()
    {
        // The contract of all object stores is compiled there too; in its namespace these come before xunit's own.
        ["tests/Azure.Tests/Contract/FactAttribute.cs"] = "OrleansTempo.Core.Tests.Objects",
        ["tests/Azure.Tests/Contract/TheoryAttribute.cs"] = "OrleansTempo.Core.Tests.Objects",
    };

    [Fact]
    public void A_namespace_is_its_files_folder()
    {
        Assert.Contains("Core/TenantId.cs", Product.SourceFiles);
        var wrong = from file in Product.SourceFiles
                    let found = Namespace().Match(File.ReadAllText(Path.Combine(Product.Root, file))) is { Success: true } match ? match.Groups[1].Value : ""
                    where found != Expected(file) && !(found.Length == 0 && Path.GetFileName(file) == "Program.cs")
                    select $"{file} is in namespace {found}, not in {Expected(file)}";
        Assert.True(!wrong.Any(), string.Join('\n', wrong));
    }

    [Fact]
    public void No_folder_of_the_product_holds_more_files_than_one_concept_needs()
    {
        var folders = Product.SourceFiles.Where(static file => Product.Assemblies.ContainsKey(file.Split('/')[0])).GroupBy(static file => Path.GetDirectoryName(file)!).ToList();
        Assert.True(folders.Count > Product.Assemblies.Count);
        Assert.Equal([], folders.Where(static folder => folder.Count() > MaxFiles).Select(static folder => $"{folder.Key} has {folder.Count()} files; at most {MaxFiles} are one concept"));
    }

    private static string Expected(string file)
    {
        if (s_elsewhere.TryGetValue(file, out var elsewhere))
            return elsewhere;
        var folders = file.Split('/')[..^1];
        if (folders[0] is "tests" or "samples")
            folders = folders[1..];
        else if (folders[0] == "bench")
            folders[0] = "Bench";
        return string.Join('.', ["OrleansTempo", .. folders]);
    }

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex Namespace();
}
