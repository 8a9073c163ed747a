# Deploys a release of securityhub-exporter as a CloudFormation stack, so that Terraform manages its parameters and reads its outputs.
# The template remains the only description of the resources. A release has this module in terraform/deployment.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 4.0" }
  }
}

variable "artifact_bucket" {
  description = "Bucket in the Region of the stack to which the functions and the template are uploaded."
  type        = string
}

variable "artifact_prefix" {
  description = "Prefix of the keys in that bucket; it ends with a slash."
  type        = string
  default     = "securityhub-exporter/"

  validation {
    condition     = var.artifact_prefix == "" || endswith(var.artifact_prefix, "/")
    error_message = "The prefix must be empty or end with a slash."
  }
}

variable "release_directory" {
  description = "Directory of the extracted release. null: the directory that contains this module's directory terraform."
  type        = string
  default     = null
}

variable "stack_name" {
  description = "Name of the stack; hubctl finds the deployment by it (HUBCTL_STACK)."
  type        = string
  default     = "securityhub-exporter"
}

variable "parameters" {
  description = "Parameters of the template that differ from their defaults, such as { CreateOwnIntegration = \"true\" }."
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags of the stack and of its resources."
  type        = map(string)
  default     = {}
}

variable "iam_role_arn" {
  description = "Role with which CloudFormation creates the resources. null: the credentials of the caller."
  type        = string
  default     = null
}

data "aws_s3_bucket" "artifacts" {
  bucket = var.artifact_bucket
}

locals {
  release  = var.release_directory == null ? "${path.module}/../.." : var.release_directory
  template = "${local.release}/template.yaml"
  # A changed template has another URL: Terraform does not notice a changed object under the same one.
  template_key = "${var.artifact_prefix}template-${substr(filesha256(local.template), 0, 16)}.yaml"
  template_url = "https://${data.aws_s3_bucket.artifacts.bucket_regional_domain_name}/${local.template_key}"
}

# The names of the zip files contain the SHA-256 of their content: an object never changes. A rollback needs the previous ones, so they
# are removed after the stack was updated.
resource "aws_s3_object" "functions" {
  for_each = fileset("${local.release}/functions", "*.zip")
  bucket   = var.artifact_bucket
  key      = "${var.artifact_prefix}${each.value}"
  source   = "${local.release}/functions/${each.value}"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_s3_object" "template" {
  bucket = var.artifact_bucket
  key    = local.template_key
  source = local.template

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudformation_stack" "securityhub_exporter" {
  name         = var.stack_name
  template_url = local.template_url
  parameters   = merge(var.parameters, { ArtifactBucket = var.artifact_bucket, ArtifactPrefix = var.artifact_prefix })
  tags         = var.tags
  iam_role_arn = var.iam_role_arn
  # Roles, and the SAM transform of the template.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  depends_on   = [aws_s3_object.functions, aws_s3_object.template]

  timeouts {
    create = "30m"
    update = "30m"
    delete = "30m"
  }
}

output "outputs" {
  description = "All outputs of the stack, such as ScanBucketName and ManageFunctionName."
  value       = aws_cloudformation_stack.securityhub_exporter.outputs
}

output "scan_bucket_name" {
  description = "Upload Prowler's scans here."
  value       = aws_cloudformation_stack.securityhub_exporter.outputs["ScanBucketName"]
}

output "trusted_role_arns" {
  description = "trusted_role_arns of the module for the role in another account."
  value = [
    aws_cloudformation_stack.securityhub_exporter.outputs["ExportFunctionRoleArn"],
    aws_cloudformation_stack.securityhub_exporter.outputs["CheckFunctionRoleArn"],
  ]
}
